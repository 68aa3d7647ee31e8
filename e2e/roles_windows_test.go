package e2e

func roles() map[string]func([]string) error {
	return map[string]func([]string) error{"drive-saves": driveSaves, "answer-page": answerPage}
}
