package openapi

// OrderQuery is what reads the order query's parameters, for its fuzz target.
var OrderQuery = orderQuery
