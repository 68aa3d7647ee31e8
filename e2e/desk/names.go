package desk

// Accounts that Seed makes. The engineers are members; eng1 owns the space.
const (
	AdminAccount = "admin"
	Engineer1    = "zhang"
	Engineer2    = "li"
	Password     = "Correct-horse-7"
	Product      = "minicad"
	Hello        = "hello" // the product of the README's example
	SpaceName    = "Flange project"
)
