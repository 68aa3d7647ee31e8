//go:build !linux

package worker

import (
	"os"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

var errNoWorker = &api.Error{Code: api.NotSupported, Detail: "workers run on Linux only in this version"}

func self(string) (workerapi.Started, error) { return workerapi.Started{}, errNoWorker }

func socket(int) (*os.File, error) { return nil, errNoWorker }
