package fakedynamo

import (
	"fmt"
	"slices"
	"time"
)

type keyElement struct{ AttributeName, KeyType string }

type attribute struct{ AttributeName, AttributeType string }

type tag struct{ Key, Value string }

type indexInput struct {
	IndexName  string
	KeySchema  []keyElement
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string `json:",omitempty"`
	}
}

type tableInput struct {
	TableName                 string
	AttributeDefinitions      []attribute
	KeySchema                 []keyElement
	LocalSecondaryIndexes     []indexInput `json:",omitempty"`
	BillingMode               string       `json:",omitempty"`
	DeletionProtectionEnabled bool
	TableClass                string `json:",omitempty"`
	SSESpecification          *struct {
		Enabled        bool   `json:",omitempty"`
		SSEType        string `json:",omitempty"`
		KMSMasterKeyId string `json:",omitempty"`
	} `json:",omitempty"`
	Tags []tag `json:",omitempty"`
}

func schemaOf(keys []keyElement) (s schema, ok bool) {
	for i, k := range keys {
		switch {
		case i == 0 && k.KeyType == "HASH":
			s.hash = k.AttributeName
		case i == 1 && k.KeyType == "RANGE":
			s.sort = k.AttributeName
		default:
			return s, false
		}
	}
	return s, s.hash != "" && s.hash != s.sort
}

func (rq *request) createTable(in tableInput) (any, *apiError) {
	t, e := newTable(in)
	if e != nil {
		return nil, e
	}
	if _, ok := rq.db.tables[in.TableName]; ok {
		return nil, &apiError{code: "ResourceInUseException", message: "Table already exists: " + in.TableName}
	}
	t.created = rq.now
	t.active = rq.now.Add(rq.db.opts.CreateTime)
	rq.db.tables[in.TableName] = t
	return map[string]any{"TableDescription": rq.describe(t)}, nil
}

// maxIndexes is how many local indexes a table may have.
const maxIndexes = 5

func newTable(in tableInput) (*table, *apiError) {
	if n := len(in.TableName); n < 3 || n > 255 {
		return nil, invalid("TableName must be at least 3 characters long and at most 255 characters long")
	}
	if in.BillingMode != "PAY_PER_REQUEST" {
		return nil, invalid("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified " +
			"when BillingMode is PROVISIONED (and fakedynamo only knows PAY_PER_REQUEST)")
	}
	t := &table{info: in, protected: in.DeletionProtectionEnabled}
	t.types, t.parts, t.tags = map[string]string{}, map[string]*part{}, map[string]string{}
	var ok bool
	if t.schema, ok = schemaOf(in.KeySchema); !ok {
		return nil, invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	}
	used := t.names()
	for _, x := range in.LocalSecondaryIndexes {
		s, ok := schemaOf(x.KeySchema)
		if !ok || s.sort == "" || s.hash != t.hash || t.sort == "" {
			return nil, invalid("One or more parameter values were invalid: Table KeySchema does not have a range key, or "+
				"Index KeySchema does not have the same leading hash key as table KeySchema, or no range key, for index: %s", x.IndexName)
		}
		if slices.ContainsFunc(t.indexes, func(y *index) bool { return y.name == x.IndexName }) {
			return nil, invalid("One or more parameter values were invalid: Duplicate index name: %s", x.IndexName)
		}
		kind, include := x.Projection.ProjectionType, x.Projection.NonKeyAttributes
		if !slices.Contains([]string{"ALL", "KEYS_ONLY", "INCLUDE"}, kind) || (kind == "INCLUDE") != (len(include) > 0) {
			return nil, invalid("One or more parameter values were invalid: ProjectionType is %s, and NonKeyAttributes are %v", kind, include)
		}
		t.indexes = append(t.indexes, &index{name: x.IndexName, schema: s, projection: kind, include: include})
		used = append(used, s.sort)
	}
	if len(t.indexes) > maxIndexes {
		return nil, invalid("One or more parameter values were invalid: Number of LocalSecondaryIndexes exceeds per-table limit of 5")
	}
	for _, a := range in.AttributeDefinitions {
		if !slices.Contains(used, a.AttributeName) {
			return nil, invalid("One or more parameter values were invalid: Some AttributeDefinitions are not used. "+
				"AttributeDefinitions: [%s], keys used: %v", a.AttributeName, used)
		}
		t.types[a.AttributeName] = a.AttributeType
	}
	for _, name := range used {
		if !slices.Contains([]string{"S", "N", "B"}, t.types[name]) {
			return nil, invalid("One or more parameter values were invalid: Some index key attributes are not defined in "+
				"AttributeDefinitions. Keys: [%s]", name)
		}
	}
	for _, one := range in.Tags {
		t.tags[one.Key] = one.Value
	}
	return t, nil
}

// table returns one that can be read and written.
func (rq *request) table(name string) (*table, *apiError) {
	t, ok := rq.db.tables[name]
	if !ok || rq.now.Before(t.active) {
		return nil, noResource()
	}
	return t, nil
}

type nameInput struct{ TableName string }

func (rq *request) named(name string) (*table, *apiError) {
	t, ok := rq.db.tables[name]
	if !ok {
		return nil, noTable(name)
	}
	return t, nil
}

func (rq *request) describeTable(in nameInput) (any, *apiError) {
	t, e := rq.named(in.TableName)
	if e != nil {
		return nil, e
	}
	return map[string]any{"Table": rq.describe(t)}, nil
}

func (rq *request) arn(name string) string {
	o := rq.db.opts
	return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", o.Region, o.Account, name)
}

func (rq *request) describe(t *table) map[string]any {
	status := "ACTIVE"
	if rq.now.Before(t.active) {
		status = "CREATING"
	}
	name := t.info.TableName
	d := map[string]any{
		"TableName": name, "TableArn": rq.arn(name), "TableStatus": status, "CreationDateTime": float64(t.created.UnixMilli()) / 1000,
		"KeySchema": t.info.KeySchema, "AttributeDefinitions": t.info.AttributeDefinitions,
		"BillingModeSummary": map[string]any{"BillingMode": t.info.BillingMode}, "DeletionProtectionEnabled": t.protected,
		"ProvisionedThroughput": map[string]any{"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0},
		// Both are of six hours ago at AWS.
		"ItemCount": 0, "TableSizeBytes": 0,
	}
	var indexes []map[string]any
	for _, x := range t.info.LocalSecondaryIndexes {
		indexes = append(indexes, map[string]any{"IndexName": x.IndexName, "IndexArn": rq.arn(name) + "/index/" + x.IndexName,
			"KeySchema": x.KeySchema, "Projection": x.Projection, "ItemCount": 0, "IndexSizeBytes": 0})
	}
	if indexes != nil {
		d["LocalSecondaryIndexes"] = indexes
	}
	if sse := t.info.SSESpecification; sse != nil && sse.Enabled {
		d["SSEDescription"] = map[string]any{"Status": "ENABLED", "SSEType": "KMS"}
	}
	return d
}

type updateTableInput struct {
	TableName                 string
	DeletionProtectionEnabled *bool
}

func (rq *request) updateTable(in updateTableInput) (any, *apiError) {
	t, e := rq.named(in.TableName)
	if e != nil {
		return nil, e
	}
	if rq.now.Before(t.active) {
		return nil, &apiError{code: "ResourceInUseException", message: "Attempt to change a resource which is still in use: " +
			"Table is being created: " + in.TableName}
	}
	if in.DeletionProtectionEnabled != nil {
		t.protected = *in.DeletionProtectionEnabled
	}
	return map[string]any{"TableDescription": rq.describe(t)}, nil
}

func (rq *request) deleteTable(in nameInput) (any, *apiError) {
	t, e := rq.named(in.TableName)
	if e != nil {
		return nil, e
	}
	if t.protected {
		return nil, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	delete(rq.db.tables, in.TableName)
	return map[string]any{"TableDescription": rq.describe(t)}, nil
}

func (rq *request) listTables(struct{}) (any, *apiError) {
	return map[string]any{"TableNames": sortedKeys(rq.db.tables)}, nil
}

type backupsInput struct {
	TableName                        string
	PointInTimeRecoverySpecification struct {
		PointInTimeRecoveryEnabled bool
		RecoveryPeriodInDays       *int
	}
}

// updateContinuousBackups switches point-in-time recovery. For a while after a
// table was made it cannot be (API reference: ContinuousBackupsUnavailableException).
func (rq *request) updateContinuousBackups(in backupsInput) (any, *apiError) {
	t, ok := rq.db.tables[in.TableName]
	if !ok {
		return nil, &apiError{code: "TableNotFoundException", message: "Table not found: " + in.TableName}
	}
	if rq.now.Before(t.active.Add(rq.db.opts.BackupsTime)) {
		return nil, &apiError{code: "ContinuousBackupsUnavailableException",
			message: "Backups are being enabled for the table: " + in.TableName + ". Please retry later"}
	}
	t.backups = in.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
	return rq.describeContinuousBackups(nameInput{in.TableName})
}

func (rq *request) describeContinuousBackups(in nameInput) (any, *apiError) {
	t, ok := rq.db.tables[in.TableName]
	if !ok {
		return nil, &apiError{code: "TableNotFoundException", message: "Table not found: " + in.TableName}
	}
	recovery := map[string]any{"PointInTimeRecoveryStatus": "DISABLED"}
	if t.backups {
		recovery = map[string]any{"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35}
	}
	return map[string]any{"ContinuousBackupsDescription": map[string]any{
		"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery,
	}}, nil
}

type tagsInput struct {
	ResourceArn string
	Tags        []tag
	TagKeys     []string
}

func (rq *request) tagged(arn string) (*table, *apiError) {
	for name, t := range rq.db.tables {
		if rq.arn(name) == arn {
			return t, nil
		}
	}
	return nil, &apiError{code: "ResourceNotFoundException", message: "Requested resource not found: ResourcArn: " + arn + " not found"}
}

func (rq *request) tagResource(in tagsInput) (any, *apiError) {
	t, e := rq.tagged(in.ResourceArn)
	if e != nil {
		return nil, e
	}
	for _, one := range in.Tags {
		t.tags[one.Key] = one.Value
	}
	return nil, nil
}

func (rq *request) listTagsOfResource(in tagsInput) (any, *apiError) {
	t, e := rq.tagged(in.ResourceArn)
	if e != nil {
		return nil, e
	}
	all := []tag{}
	for _, key := range sortedKeys(t.tags) {
		all = append(all, tag{key, t.tags[key]})
	}
	return map[string]any{"Tags": all}, nil
}

// then is how things were for a read that sees the past.
func (rq *request) then(consistent, index bool) time.Time {
	then := rq.now
	if !consistent {
		then = then.Add(-rq.db.opts.Lag)
	}
	if index {
		then = then.Add(-rq.stale)
	}
	return then
}
