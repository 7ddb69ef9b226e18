package provisioner

import (
	"cmp"
	"errors"
	"strings"
	"sync"

	"github.com/aws/smithy-go"

	"github.com/sshforward/sshforward"
)

// refusals remember where AWS did not make a load balancer and will hardly make
// the next one: a zone without classic load balancers, an account that may have
// none. They are lost with the process, and forgotten when one is made.
type refusals struct {
	mu   sync.Mutex
	said map[string]string // zone -> AWS's reason
}

// refusalCodes are final, and not about what was asked for.
var refusalCodes = []string{"InvalidConfigurationRequest", "OperationNotPermitted"}

// record takes down what came of a create in a zone.
func (x *refusals) record(zone string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err == nil:
		delete(x.said, zone)
	case hasCode(err, refusalCodes...):
		if x.said == nil {
			x.said = make(map[string]string)
		}
		api, _ := errors.AsType[smithy.APIError](err)
		x.said[zone] = strings.TrimRight(cmp.Or(api.ErrorMessage(), api.ErrorCode()), ".")
	}
}

// warn says that a load balancer was refused in a zone before.
func (x *refusals) warn(zone string) []sshforward.Text {
	x.mu.Lock()
	defer x.mu.Unlock()
	why, ok := x.said[zone]
	if !ok {
		return nil
	}
	return []sshforward.Text{sshforward.Textf("AWS refused the last load balancer in %s: %s.", zone, why)}
}
