package web_test

import (
	"testing"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

func TestMain(m *testing.M) {
	code := m.Run()
	webtest.Quit()
	testenv.Exit(code)
}
