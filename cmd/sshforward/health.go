package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// newHealth makes the command that a container asks with: there is nothing else
// in the image.
func newHealth(con console) *cobra.Command {
	var config string
	var ready bool
	c := &cobra.Command{
		Use:     "health",
		Short:   "Ask the running bot whether it is well; for containers",
		GroupID: groupBot,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(config)
			if err != nil {
				return err
			}
			page := "/healthz"
			if ready {
				page = "/readyz"
			}
			if err := askHealth(c.Context(), cfg, page); err != nil {
				return err
			}
			_, err = fmt.Fprintln(con.stdout, "ok")
			return err
		},
	}
	configFlag(c, &config)
	c.Flags().BoolVar(&ready, "ready", false, "also whether it is connected to Slack and can read its store")
	return c
}

// askHealth asks the bot whether it is well.
func askHealth(ctx context.Context, c *config, page string) error {
	_, err := askBot(ctx, c, page)
	return err
}

// askBot asks the bot for a page, where it listens.
func askBot(ctx context.Context, c *config, page string) (says string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answersWithin)
	defer cancel()
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	// Whose name the certificate has is for those who come from elsewhere.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	if c.TLS != nil {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+page, nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return "", fmt.Errorf("the bot does not answer: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return "", fmt.Errorf("the bot does not answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the bot is not well: %s", strings.TrimSpace(string(text)))
	}
	return string(text), nil
}
