package cloudapi

// Department is one node of an organisation's tree, with the members that belong to it itself.
type Department struct {
	ID      string   `json:"id"`
	Parent  string   `json:"parent,omitempty"` // "" at the top
	Name    string   `json:"name"`
	Members []string `json:"members,omitempty"` // accounts
}

// Departments answers GET /v1/departments, by name.
type Departments struct {
	Departments []Department `json:"departments"`
}

// NewDepartment is the body of POST /v1/departments.
type NewDepartment struct {
	Name   string `json:"name"`
	Parent string `json:"parent,omitempty"`
}

// DepartmentName is the body of PUT /v1/departments/{id}/name.
type DepartmentName struct {
	Name string `json:"name"`
}

// DepartmentParent is the body of PUT /v1/departments/{id}/parent; "" is the top.
type DepartmentParent struct {
	Parent string `json:"parent"`
}

// DepartmentSeats says what assigning a whole department did.
type DepartmentSeats struct {
	Members int `json:"members"` // of the department and those below it
	Changed int `json:"changed"` // who has got or lost a seat
}
