package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate puts a new certificate for 127.0.0.1 into two files.
func writeCertificate(t *testing.T, files tlsConfig, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		files.Certificate: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func startWeb(t *testing.T, addr string, files *tlsConfig) (w *web, log *logBuffer) {
	t.Helper()
	log = &logBuffer{}
	loop := new(pulse)
	loop.beat()
	w = newWeb(addr, files, newMeters(), loop, func(context.Context) error { return nil }, newLogger(log, "text", "info"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return w, log
}

// who asks for a page over TLS and returns whose certificate was shown.
func who(t *testing.T, w *web, trusted tlsConfig) (string, error) {
	t.Helper()
	text, err := os.ReadFile(trusted.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	resp, err := client.Get("https://" + w.address() + "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil || !strings.Contains(body.String(), "sshforward_orphans_total") {
		t.Errorf("it answers %d %s, %v", resp.StatusCode, &body, err)
	}
	return resp.TLS.PeerCertificates[0].Subject.CommonName, nil
}

func TestPagesOverTLS(t *testing.T) {
	dir := t.TempDir()
	files := tlsConfig{Certificate: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, files, "first")
	w, log := startWeb(t, "127.0.0.1:0", &files)
	expect := func(when, want string, trusted tlsConfig) {
		t.Helper()
		if got, err := who(t, w, trusted); err != nil || got != want {
			t.Errorf("%s: the certificate is that of %q, %v; want %q", when, got, err, want)
		}
	}
	expect("at the start", "first", files)
	if resp, err := http.Get("http://" + w.address() + "/metrics"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("it answers in the clear too")
		}
	}
	writeCertificate(t, files, "second")
	expect("after the files were renewed", "second", files)

	// Half of a renewal, or a broken one, changes nothing.
	kept := tlsConfig{Certificate: filepath.Join(dir, "kept")}
	text, err := os.ReadFile(files.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept.Certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.Certificate, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("while a file is broken", "second", kept)
	if n := strings.Count(log.String(), "cannot be read"); n != 1 {
		t.Errorf("the log says it %d times:\n%s", n, log)
	}
	writeCertificate(t, files, "third")
	expect("after it was mended", "third", files)
}

// A certificate that is not there yet keeps nobody from closing what is due.
func TestCertificateThatComesLater(t *testing.T) {
	dir := t.TempDir()
	files := tlsConfig{Certificate: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}
	w, log := startWeb(t, "127.0.0.1:0", &files)
	if !strings.Contains(log.String(), "cannot be read") {
		t.Errorf("the log says nothing:\n%s", log)
	}
	writeCertificate(t, files, "late")
	if got, err := who(t, w, files); err != nil || got != "late" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNothingButThreePages(t *testing.T) {
	w, _ := startWeb(t, "127.0.0.1:0", nil)
	for _, page := range []string{
		"/", "/metrics/", "/metrics/x", "/healthz/..", "/debug/pprof/", "/debug/vars", "/readyz.html", "//metrics", "/favicon.ico",
	} {
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Get("http://" + w.address() + page)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Errorf("%s is answered", page)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace} {
		for _, page := range []string{"/metrics", "/healthz", "/readyz"} {
			request, err := http.NewRequest(method, "http://"+w.address()+page, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, page, resp.StatusCode)
			}
		}
	}
}

func TestInTheClearIsSaid(t *testing.T) {
	dir := t.TempDir()
	files := &tlsConfig{Certificate: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, *files, "bot")
	for _, tt := range []struct {
		addr  string
		files *tlsConfig
		said  bool
	}{
		{"127.0.0.1:0", nil, false}, {"[::1]:0", nil, false}, {"localhost:0", nil, false}, {"127.1.2.3:0", nil, false},
		{"0.0.0.0:0", nil, true}, {":0", nil, true}, {"[::]:0", nil, true}, {"0.0.0.0:0", files, false},
	} {
		_, log := startWeb(t, tt.addr, tt.files)
		if said := strings.Contains(log.String(), "in the clear"); said != tt.said {
			t.Errorf("%s, TLS %t: said %t", tt.addr, tt.files != nil, said)
		}
	}
}

func TestHealthCommand(t *testing.T) {
	dir := t.TempDir()
	files := &tlsConfig{Certificate: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, *files, "of another name")
	config := filepath.Join(dir, "sshforward.yaml")
	ask := func(listen string, files *tlsConfig, args ...string) (code int, says string) {
		t.Helper()
		text := strings.Replace(goodConfig, "deployment:", "listen: "+listen+"\ndeployment:", 1)
		if files != nil {
			text += fmt.Sprintf("tls: {certificate: %s, key: %s}\n", files.Certificate, files.Key)
		}
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code = run(t.Context(), append([]string{"health", "--config", config}, args...), console{&out, &errs, func(string) string { return "" }})
		return code, out.String() + errs.String()
	}
	for _, tls := range []*tlsConfig{nil, files} {
		w, _ := startWeb(t, "127.0.0.1:0", tls)
		_, port, _ := net.SplitHostPort(w.address())
		for _, listen := range []string{w.address(), "0.0.0.0:" + port} {
			if code, says := ask(listen, tls); code != exitOK || says != "ok\n" {
				t.Errorf("%s: %d %s", listen, code, says)
			}
			if code, says := ask(listen, tls, "--ready"); code != exitOK {
				t.Errorf("%s: %d %s", listen, code, says)
			}
		}
	}
	sick := newWeb("127.0.0.1:0", nil, newMeters(), new(pulse), nil, newLogger(&logBuffer{}, "text", "info"))
	go sick.run(t.Context())
	if code, says := ask(sick.address(), nil); code != exitError || !strings.Contains(says, "has not begun") {
		t.Errorf("a bot whose loop stands: %d %s", code, says)
	}
	if code, says := ask("127.0.0.1:1", nil); code != exitError || strings.Count(says, "\n") != 1 {
		t.Errorf("no bot: %d %s", code, says)
	}
}
