//go:build !unix

package testenv

// alone is for Unix; elsewhere each test process may link for itself.
func alone(string) (done func()) { return func() {} }
