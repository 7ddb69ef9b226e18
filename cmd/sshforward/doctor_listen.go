package main

import (
	"crypto/tls"
	"time"
)

// certificateSoon is how long a certificate should be good for; whatever renews
// it has failed by then.
const certificateSoon = 7 * 24 * time.Hour

// lookAtListen looks at how the pages are served.
func lookAtListen(c *config, now time.Time) []finding {
	a := &about{what: "listen"}
	switch {
	case c.TLS != nil:
		pair, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key)
		switch {
		case err != nil:
			a.mend("%s", oneLine(err))
		case now.After(pair.Leaf.NotAfter):
			a.mend("the certificate in %s has expired, %s", c.TLS.Certificate, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
		case now.Add(certificateSoon).After(pair.Leaf.NotAfter):
			a.mend("the certificate in %s expires soon, %s", c.TLS.Certificate, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
		default:
			a.ok("%s over TLS, with a certificate that is good until %s", c.Listen, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
		}
	case !onLoopback(c.Listen):
		a.ok("%s in the clear, to other machines too; set tls, or let nobody reach it who should not", c.Listen)
	default:
		a.ok("%s, which only this machine can reach", c.Listen)
	}
	return a.found
}
