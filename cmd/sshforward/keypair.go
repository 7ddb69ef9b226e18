package main

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tlsConfig is what `listen` is served with; without it, in the clear.
type tlsConfig struct {
	Certificate string `yaml:"certificate"` // file, PEM, with the chain
	Key         string `yaml:"key"`         // file, PEM
}

// keyPair is a certificate and its key, read again when a file has changed: a
// certificate is renewed while the bot runs.
type keyPair struct {
	files tlsConfig
	log   *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate // nil until it could be read
	seen   *[2]stamp        // of the files when they were read last
	failed error
}

// stamp tells one content of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

func stampOf(file string) stamp {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// get returns the certificate as it stands in the files. Where they cannot be
// read, or do not belong together yet, it stays what it was.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := [2]stamp{stampOf(k.files.Certificate), stampOf(k.files.Key)}
	if k.seen == nil || now != *k.seen {
		k.seen = &now
		pair, err := tls.LoadX509KeyPair(k.files.Certificate, k.files.Key)
		if k.failed = err; err == nil {
			k.pair = &pair
		} else {
			k.log.Warn("the certificate for listen cannot be read; it is tried again when a file changes", "err", err)
		}
	}
	if k.pair == nil {
		return nil, k.failed
	}
	return k.pair, nil
}
