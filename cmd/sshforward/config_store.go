package main

import (
	"errors"
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// storeConfig says where leases are kept: in a file on this machine, for one
// process, or in a table that several replicas share.
type storeConfig struct {
	Bolt     string          `yaml:"bolt"`
	DynamoDB *dynamoDBConfig `yaml:"dynamodb"`
}

type dynamoDBConfig struct {
	Table  tableName `yaml:"table"`
	Region string    `yaml:"region"`
	Create bool      `yaml:"create"`
}

// tableName is the name of a table, not its ARN: the region is said beside it,
// and a table of another account would need another account's credentials.
type tableName string

var tableText = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)

// isTableName reports whether DynamoDB allows a name, by CreateTable in its API
// reference. The expression does not count, which would take 100 kB of memory.
func isTableName(s string) bool { return len(s) >= 3 && len(s) <= 255 && tableText.MatchString(s) }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (n *tableName) UnmarshalYAML(at ast.Node) error {
	s, err := scalar(at, "the name of a table, such as sshforward-prod")
	if err == nil && !isTableName(s) {
		err = complain(at, "%q is not the name of a table: 3 to 255 of a-z, A-Z, 0-9, _, - and .", s)
	}
	*n = tableName(s)
	return err
}

// checkStore looks at what the decoded values cannot tell: which keys are there.
func (d document) checkStore(store ast.Node) error {
	var bolt, dynamoDB *entry
	for _, e := range d.entries(store) {
		switch e.name {
		case "bolt":
			bolt = &e
		case "dynamodb":
			dynamoDB = &e
		}
	}
	switch {
	case dynamoDB == nil:
		return nil
	case bolt != nil:
		return complain(dynamoDB.key, "leases are kept in one place: leave out bolt or dynamodb; "+
			"sshforward backup and restore take what is in the one into the other")
	case d.child(dynamoDB.value, "table") == nil:
		return complain(dynamoDB.key, "dynamodb wants the name of a table, for example: dynamodb: {table: sshforward-prod}")
	}
	return nil
}

// check fills in what is left out.
func (s *storeConfig) check(aws []awsConfig) error {
	if s.Bolt == "" && s.DynamoDB == nil {
		return errors.New("store: say where the leases are kept, for example: store: {bolt: /var/lib/sshforward/leases.db}, " +
			"or for several replicas: store: {dynamodb: {table: sshforward-prod}}")
	}
	if s.DynamoDB != nil && s.DynamoDB.Region == "" {
		s.DynamoDB.Region = aws[0].Region
	}
	return nil
}
