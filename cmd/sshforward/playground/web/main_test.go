package web_test

import (
	"os"
	"testing"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	webtest.Quit()
	os.Exit(code)
}
