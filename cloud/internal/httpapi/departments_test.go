package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func TestDepartments(t *testing.T) {
	c := apitest.Start(t)
	boss := apitest.Bearer(c.Boss.AccessToken)
	c.Member(t, "ann", "member")
	c.Member(t, "bob", "member")
	var top, sub cloudapi.Department
	c.Must(t, "POST", "/v1/departments", boss, cloudapi.NewDepartment{Name: "设计 Design"}, &top, http.StatusCreated)
	c.Must(t, "POST", "/v1/departments", boss, cloudapi.NewDepartment{Name: "Chassis", Parent: top.ID}, &sub, http.StatusCreated)
	c.Refused(t, "POST", "/v1/departments", boss, cloudapi.NewDepartment{Name: "设计 DESIGN"}, cloudapi.ErrNameExists)
	c.Refused(t, "POST", "/v1/departments", boss, cloudapi.NewDepartment{Name: "X", Parent: "dep_none"}, cloudapi.ErrNotFound)
	c.Must(t, "PUT", "/v1/departments/"+sub.ID+"/name", boss, cloudapi.DepartmentName{Name: "Chassis 2"}, nil, http.StatusNoContent)
	if e := c.Refused(t, "PUT", "/v1/departments/"+top.ID+"/parent", boss, cloudapi.DepartmentParent{Parent: sub.ID}, cloudapi.ErrConflict); e.Params["reason"] != "below" {
		t.Errorf("below itself: %+v", e)
	}
	c.Must(t, "PUT", "/v1/departments/"+top.ID+"/members/ann", boss, nil, nil, http.StatusNoContent)
	c.Must(t, "PUT", "/v1/departments/"+sub.ID+"/members/BOB", boss, nil, nil, http.StatusNoContent)
	c.Refused(t, "PUT", "/v1/departments/"+sub.ID+"/members/nobody", boss, nil, cloudapi.ErrNotFound)

	one, two := instance(t, c, "cad", 1), instance(t, c, "cam", 2)
	if e := c.Refused(t, "PUT", "/v1/instances/"+one.ID+"/departments/"+top.ID, boss, nil, cloudapi.ErrConflict); e.Params["need"] != "2" || e.Params["free"] != "1" {
		t.Errorf("too few seats: %+v", e)
	}
	var n cloudapi.DepartmentSeats
	c.Must(t, "PUT", "/v1/instances/"+two.ID+"/departments/"+top.ID, boss, nil, &n, http.StatusOK)
	if n != (cloudapi.DepartmentSeats{Members: 2, Changed: 2}) {
		t.Errorf("assigned %+v", n)
	}
	c.Must(t, "DELETE", "/v1/instances/"+two.ID+"/departments/"+sub.ID, boss, nil, &n, http.StatusOK)
	if n != (cloudapi.DepartmentSeats{Members: 1, Changed: 1}) {
		t.Errorf("taken back %+v", n)
	}
	var list cloudapi.Departments
	c.Must(t, "GET", "/v1/departments", apitest.Bearer(c.Login(t, "ann").AccessToken), nil, &list, http.StatusOK)
	if len(list.Departments) != 2 || list.Departments[0].Name != "Chassis 2" || len(list.Departments[0].Members) != 1 || list.Departments[0].Members[0] != "bob" {
		t.Errorf("departments %+v", list)
	}
	if e := c.Refused(t, "DELETE", "/v1/departments/"+top.ID, boss, nil, cloudapi.ErrConflict); e.Params["reason"] != "children" {
		t.Errorf("with one below: %+v", e)
	}
	c.Must(t, "PUT", "/v1/departments/"+sub.ID+"/parent", boss, cloudapi.DepartmentParent{}, nil, http.StatusNoContent)
	c.Must(t, "DELETE", "/v1/members/ann/department", boss, nil, nil, http.StatusNoContent)
	c.Must(t, "DELETE", "/v1/departments/"+top.ID, boss, nil, nil, http.StatusNoContent)
	far := apitest.Bearer(c.Stranger(t, "far").AccessToken)
	c.Refused(t, "DELETE", "/v1/departments/"+sub.ID, far, nil, cloudapi.ErrNotFound)
	c.Refused(t, "PUT", "/v1/instances/"+two.ID+"/departments/"+sub.ID, far, nil, cloudapi.ErrNotFound)
}
