package fakedynamo_test

import "strings"

// operation is one call that both have to answer alike.
type operation struct {
	name, body string
	// differs says why dynalite is not asked: what AWS documents and it does not do.
	// The code is what has to be answered then.
	differs, code string
}

func put(item string, more ...string) operation {
	return operation{name: "PutItem", body: `{"TableName": "leases", "Item": ` + item +
		strings.Join(append([]string{""}, more...), ", ") + `}`}
}

func update(key, expression string, more ...string) operation {
	return operation{name: "UpdateItem", body: `{"TableName": "leases", "Key": ` + key + `, "ReturnValues": "ALL_NEW", "UpdateExpression": "` +
		expression + `"` + strings.Join(append([]string{""}, more...), ", ") + `}`}
}

func query(condition, values string, more ...string) operation {
	return operation{name: "Query", body: `{"TableName": "leases", "ConsistentRead": true, "KeyConditionExpression": "` + condition +
		`", "ExpressionAttributeValues": ` + values + strings.Join(append([]string{""}, more...), ", ") + `}`}
}

func get(key string, more ...string) operation {
	return operation{name: "GetItem", body: `{"TableName": "leases", "ConsistentRead": true, "Key": ` + key +
		strings.Join(append([]string{""}, more...), ", ") + `}`}
}

// not says that dynalite answers something else than AWS does.
func (o operation) not(why, code string) operation {
	o.differs, o.code = why, code
	return o
}

const (
	a1 = `{"pk": {"S": "a"}, "sk": {"S": "1"}}`
	x9 = `{"pk": {"S": "x"}, "sk": {"S": "9"}}`

	whole = `{"pk": {"S": "a"}, "sk": {"S": "1"}, "rev": {"N": "1"}, "doc": {"B": "AAEC"}, "w": {"S": "r1"}, "due": {"S": "2026"},
		"ids": {"L": [{"S": "i1"}, {"S": "i2"}]}, "m": {"M": {"in": {"N": "7"}, "empty": {"M": {}}}}, "yes": {"BOOL": true},
		"none": {"NULL": true}, "tags": {"SS": ["x", "y"]}, "ns": {"NS": ["1", "2.50"]}, "bs": {"BS": ["AA==", "AQ=="]}}`

	values  = `"ExpressionAttributeValues": `
	aliases = `"ExpressionAttributeNames": `
	given   = `"ConditionExpression": `
)

var operations = []operation{
	// Items and their keys.
	put(whole),
	get(a1),
	get(a1, `"ProjectionExpression": "rev, m.#in, ids[1], gone", "ExpressionAttributeNames": {"#in": "in"}`),
	get(a1, `"ProjectionExpression": "rev, rev"`),
	get(a1, `"ProjectionExpression": "m, m.empty"`),
	get(a1, `"ProjectionExpression": "rev,"`).not("the words after \"Syntax error\"", "ValidationException"),
	get(x9),
	get(`{"pk": {"S": "a"}}`),
	get(`{"pk": {"S": "a"}, "sk": {"N": "1"}}`),
	get(`{"pk": {"S": "a"}, "sk": {"S": ""}}`).not("the words \"are not valid\"", "ValidationException"),
	get(`{"pk": {"S": "a"}, "sk": {"S": "1"}, "more": {"S": "1"}}`),
	get(a1, `"ReturnConsumedCapacity": "TOTAL"`),
	put(`{"pk": {"S": "a"}, "rev": {"N": "1"}}`),
	put(`{"pk": {"S": "a"}, "sk": {"N": "1"}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": ""}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "due": {"N": "1"}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "due": {"S": ""}}`).not("keys of an index may be empty there", "ValidationException"),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "empty": {"S": ""}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "set": {"SS": []}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "set": {"SS": ["x", "x"]}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "none": {"NULL": false}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "what": {}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "2"}, "what": {"S": "a", "N": "1"}}`),
	put(`{"pk": {"S": "` + strings.Repeat("k", 2049) + `"}, "sk": {"S": "2"}}`),
	put(`{"pk": {"S": "a"}, "sk": {"S": "` + strings.Repeat("k", 1025) + `"}}`),
	put(`{"pk": {"S": "big"}, "sk": {"S": "2"}, "doc": {"S": "` + strings.Repeat("k", 400<<10-13) + `"}}`),
	put(`{"pk": {"S": "big"}, "sk": {"S": "2"}, "doc": {"S": "` + strings.Repeat("k", 400<<10-11) + `"}}`),
	put(whole, `"ReturnValues": "ALL_OLD"`),
	put(whole, `"ReturnValues": "ALL_NEW"`),
	{name: "PutItem", body: `{"TableName": "nowhere", "Item": ` + a1 + `}`},

	// Numbers.
	put(`{"pk": {"S": "n"}, "sk": {"S": "1"}, "a": {"N": "01.50"}, "b": {"N": "-0"}, "c": {"N": "1e3"}, "d": {"N": ".5"},
		"e": {"N": "12345678901234567890123456789012345678"}, "f": {"N": "1E-130"}, "g": {"N": "9.9E125"}}`),
	get(`{"pk": {"S": "n"}, "sk": {"S": "1"}}`),
	put(`{"pk": {"S": "n"}, "sk": {"S": "2"}, "a": {"N": "123456789012345678901234567890123456789"}}`),
	put(`{"pk": {"S": "n"}, "sk": {"S": "2"}, "a": {"N": "1E126"}}`),
	put(`{"pk": {"S": "n"}, "sk": {"S": "2"}, "a": {"N": "1E-131"}}`),
	put(`{"pk": {"S": "n"}, "sk": {"S": "2"}, "a": {"N": "one"}}`),
	put(`{"pk": {"S": "n"}, "sk": {"S": "2"}, "a": {"N": ""}}`),
	put(`{"pk": {"S": "n"}, "sk": {"S": "2"}, "a": {"N": "1 "}}`).not("spaces around a number", "ValidationException"),

	// Conditions.
	put(whole, given+`"attribute_not_exists(sk)"`),
	put(whole, given+`"rev = :r"`, values+`{":r": {"N": "1.0"}}`),
	put(whole, given+`"rev = :r"`, values+`{":r": {"N": "2"}}`),
	put(whole, given+`"rev = :r"`, values+`{":r": {"S": "1"}}`),
	put(whole, given+`"rev = :r OR attribute_not_exists(pk) AND w = :w"`, values+`{":r": {"N": "1"}, ":w": {"S": "?"}}`),
	put(whole, given+`"(rev = :r OR attribute_not_exists(pk)) AND w = :w"`, values+`{":r": {"N": "1"}, ":w": {"S": "?"}}`),
	put(whole, given+`"NOT gone = :r and gone <> :r"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"gone < :r"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"gone <> missing"`),
	put(whole, given+`"rev BETWEEN :a AND :b AND due BETWEEN :c AND :d"`,
		values+`{":a": {"N": "0"}, ":b": {"N": "1"}, ":c": {"S": "2"}, ":d": {"S": "3"}}`),
	put(whole, given+`"rev BETWEEN :b AND :a"`, values+`{":a": {"N": "0"}, ":b": {"N": "1"}}`),
	put(whole, given+`"rev BETWEEN :a AND :b"`, values+`{":a": {"N": "0"}, ":b": {"S": "1"}}`),
	put(whole, given+`"rev IN (:a, :b)"`, values+`{":a": {"N": "0"}, ":b": {"N": "1"}}`),
	put(whole, given+`"rev IN (:a)"`, values+`{":a": {"S": "1"}}`),
	put(whole, given+`"contains(ids, :a) AND contains(tags, :b) AND contains(w, :c)"`,
		values+`{":a": {"S": "i2"}, ":b": {"S": "x"}, ":c": {"S": "1"}}`),
	put(whole, given+`"contains(ids, :a)"`, values+`{":a": {"S": "i"}}`),
	put(whole, given+`"contains(ns, :a)"`, values+`{":a": {"N": "2.5"}}`),
	put(whole, given+`"size(ids) = :a AND size(doc) = :b AND size(m) = :a AND size(w) < :b"`, values+`{":a": {"N": "2"}, ":b": {"N": "3"}}`),
	put(whole, given+`"size(rev) = :a"`, values+`{":a": {"N": "1"}}`),
	put(whole, given+`"begins_with(due, :a) AND attribute_type(doc, :b) AND attribute_exists(ids[1]) AND attribute_not_exists(ids[2])"`,
		values+`{":a": {"S": "20"}, ":b": {"S": "B"}}`),
	put(whole, given+`"begins_with(due, :a)"`, values+`{":a": {"N": "20"}}`),
	put(whole, given+`"m.#in > :a"`, values+`{":a": {"N": "6"}}`, aliases+`{"#in": "in"}`),
	put(whole, given+`"tags = :a"`, values+`{":a": {"SS": ["y", "x"]}}`),
	put(whole, given+`"doc >= :a"`, values+`{":a": {"B": "AAE="}}`),
	put(whole, given+`"rev = rev"`),
	put(whole, given+`"((rev = :r))"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"(rev = :r)"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"rev = :r"`),
	put(whole, given+`"#r = :r"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"#r = :r"`, values+`{":r": {"N": "1"}}`, aliases+`{"#x": "rev"}`),
	put(whole, given+`"rev = :r"`, values+`{":r": {"N": "1"}, ":s": {"N": "1"}}`),
	put(whole, given+`"#r = :r"`, values+`{":r": {"N": "1"}}`, aliases+`{"#r": "rev", "#s": "x"}`),
	put(whole, values+`{":r": {"N": "1"}}`).not("more words", "ValidationException"),
	put(whole, aliases+`{"#r": "rev"}`),
	put(whole, given+`"rev = :r"`, values+`{}`),
	put(whole, given+`"source = :r"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"user = :r"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"attribute_exists(:r)"`, values+`{":r": {"N": "1"}}`),
	put(whole, given+`"exists(rev)"`),
	put(whole, given+`"attribute_exists(rev, w)"`),
	put(whole, given+`"rev < :r"`, values+`{":r": {"BOOL": true}}`).not("it does not look at the type", "ValidationException"),
	put(whole, given+`"rev ="`).not("the words after \"Syntax error\"", "ValidationException"),
	put(whole, given+`"rev"`).not("the words after \"Syntax error\"", "ValidationException"),
	put(whole, given+`""`),

	// Updates.
	update(a1, "SET rev = rev + :one, w = :w", values+`{":one": {"N": "1"}, ":w": {"S": "r2"}}`),
	update(a1, "SET rev = rev - :one REMOVE due", values+`{":one": {"N": "0.5"}}`),
	update(a1, "SET gone = gone + :one", values+`{":one": {"N": "1"}}`),
	update(a1, "SET w = w + :one", values+`{":one": {"N": "1"}}`),
	update(a1, "SET w = w + :one", values+`{":one": {"S": "1"}}`),
	update(a1, "SET fresh = if_not_exists(fresh, :one)", values+`{":one": {"N": "1"}}`),
	update(a1, "SET fresh = if_not_exists(fresh, :one) + :one", values+`{":one": {"N": "2"}}`),
	update(a1, "SET ids = list_append(ids, :more)", values+`{":more": {"L": [{"S": "i3"}]}}`),
	update(a1, "SET ids = list_append(if_not_exists(gone, :more), ids)", values+`{":more": {"L": [{"S": "i0"}]}}`),
	update(a1, "SET ids = list_append(ids, :more)", values+`{":more": {"S": "i3"}}`),
	update(a1, "REMOVE ids[2], gone[1]"),
	update(a1, "SET ids[0] = :x, ids[9] = :y", values+`{":x": {"S": "first"}, ":y": {"S": "last"}}`),
	update(a1, "SET m.#in = :x, m.more = :x", values+`{":x": {"S": "in"}}`, aliases+`{"#in": "in"}`),
	update(a1, "SET gone.deep = :x", values+`{":x": {"S": "in"}}`),
	update(a1, "SET w.deep = :x", values+`{":x": {"S": "in"}}`),
	update(a1, "SET m = :x, m.more = :x", values+`{":x": {"S": "in"}}`),
	update(a1, "SET w = :x, w = :x", values+`{":x": {"S": "in"}}`),
	update(a1, "SET w = due, fresh = w", values+`{":x": {"S": "in"}}`).not("which error of two comes first", "ValidationException"),
	update(a1, "SET due = w, w = rev"),
	update(a1, "ADD rev :one, tags :t, count1 :one", values+`{":one": {"N": "1"}, ":t": {"SS": ["z", "x"]}}`),
	update(a1, "ADD w :one", values+`{":one": {"N": "1"}}`),
	update(a1, "ADD doc :one", values+`{":one": {"N": "1"}}`),
	update(a1, "ADD rev :one", values+`{":one": {"S": "1"}}`),
	update(a1, "DELETE tags :t", values+`{":t": {"SS": ["x", "y"]}}`),
	update(a1, "DELETE tags :t", values+`{":t": {"SS": ["z"]}}`),
	update(a1, "DELETE tags :t", values+`{":t": {"SS": ["z"]}}`),
	update(a1, "DELETE rev :t", values+`{":t": {"SS": ["z"]}}`),
	update(a1, "SET sk = :x", values+`{":x": {"S": "in"}}`),
	update(a1, "SET due = :x", values+`{":x": {"N": "1"}}`).not("which of its two messages", "ValidationException"),
	update(a1, "SET due = :x", values+`{":x": {"S": ""}}`).not("keys of an index may be empty there", "ValidationException"),
	update(a1, "SET w = :x SET due = :x", values+`{":x": {"S": "in"}}`),
	update(a1, "SET w = :x", values+`{":x": {"S": "in"}}`, given+`"rev = :x"`),
	update(a1, "SET w = :x, bad = gone", values+`{":x": {"S": "in"}}`, given+`"rev = :x"`),
	update(a1, "REMOVE gone, w"),
	update(x9, "SET w = :x", values+`{":x": {"S": "made"}}`),
	update(`{"pk": {"S": "x"}, "sk": {"S": "8"}}`, "REMOVE w"),
	get(`{"pk": {"S": "x"}, "sk": {"S": "8"}}`),
	update(x9, "", values+`{":x": {"S": "made"}}`),
	{name: "UpdateItem", body: `{"TableName": "leases", "Key": ` + x9 + `,
		"UpdateExpression": "SET w = :x, m = :m", "ReturnValues": "UPDATED_OLD",
		"ExpressionAttributeValues": {":x": {"S": "2"}, ":m": {"M": {"a": {"N": "1"}, "b": {"L": [{"N": "1"}, {"N": "2"}]}}}}}`},
	{name: "UpdateItem", body: `{"TableName": "leases", "Key": ` + x9 + `, "UpdateExpression": "SET m.b[1] = :x, w = :x",
		"ReturnValues": "UPDATED_NEW", "ExpressionAttributeValues": {":x": {"S": "2"}}}`},
	{name: "UpdateItem", body: `{"TableName": "leases", "Key": ` + x9 + `, "UpdateExpression": "REMOVE m",
		"ReturnValues": "ALL_OLD"}`},
	{name: "UpdateItem", body: `{"TableName": "leases", "Key": ` + x9 + `, "ReturnValues": "ALL_NEW"}`},

	// Deletes.
	{name: "DeleteItem", body: `{"TableName": "leases", "Key": ` + x9 + `,
		"ConditionExpression": "w = :x", "ExpressionAttributeValues": {":x": {"S": "?"}}}`},
	{name: "DeleteItem", body: `{"TableName": "leases", "Key": ` + x9 + `, "ReturnValues": "ALL_OLD"}`},
	{name: "DeleteItem", body: `{"TableName": "leases", "Key": ` + x9 + `, "ReturnValues": "ALL_OLD"}`},
	operation{name: "DeleteItem", body: `{"TableName": "leases", "Key": ` + x9 + `, "ReturnValues": "UPDATED_NEW"}`}.
		not("what is returned of nothing", "ValidationException"),

	// A few items to look for.
	{name: "BatchWriteItem", body: `{"RequestItems": {"leases": [
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "a"}, "due": {"S": "3"}, "nth": {"N": "10"}, "w": {"S": "1"}, "doc": {"S": "x"}}}},
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "b"}, "due": {"S": "1"}, "nth": {"N": "9"}, "doc": {"S": "x"}}}},
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "c"}, "due": {"S": "2"}, "nth": {"N": "-1"}, "w": {"S": "2"}}}},
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "d"}, "due": {"S": "2/d"}, "w": {"S": "2"}}}},
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "e"}, "w": {"S": "2"}}}},
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "e/1"}, "w": {"S": "2"}}}},
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "f"}, "nth": {"N": "9.5"}}}},
		{"DeleteRequest": {"Key": {"pk": {"S": "q"}, "sk": {"S": "z"}}}}]}}`},
	{name: "BatchWriteItem", body: `{"RequestItems": {"leases": [
		{"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"S": "a"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "q"}, "sk": {"S": "a"}}}}]}}`},
	{name: "BatchWriteItem", body: `{"RequestItems": {"leases": []}}`},
	{name: "BatchGetItem", body: `{"RequestItems": {"leases": {"ConsistentRead": true, "Keys": [{"pk": {"S": "q"}, "sk": {"S": "a"}},
		{"pk": {"S": "q"}, "sk": {"S": "z"}}], "ProjectionExpression": "sk, w"}}}`},
	{name: "BatchGetItem", body: `{"RequestItems": {"leases": {"Keys": [
		{"pk": {"S": "q"}, "sk": {"S": "a"}}, {"pk": {"S": "q"}, "sk": {"S": "a"}}]}}}`},
	{name: "BatchGetItem", body: `{"RequestItems": {}}`},

	// Queries.
	query("pk = :p", `{":p": {"S": "q"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"ScanIndexForward": false`),
	query("pk = :p AND sk = :s", `{":p": {"S": "q"}, ":s": {"S": "e"}}`),
	query("pk = :p AND sk < :s", `{":p": {"S": "q"}, ":s": {"S": "c"}}`),
	query("pk = :p AND sk <= :s", `{":p": {"S": "q"}, ":s": {"S": "c"}}`),
	query("pk = :p AND sk > :s", `{":p": {"S": "q"}, ":s": {"S": "c"}}`),
	query("pk = :p AND sk >= :s", `{":p": {"S": "q"}, ":s": {"S": "c"}}`, `"ScanIndexForward": false`),
	query("pk = :p AND sk BETWEEN :s AND :t", `{":p": {"S": "q"}, ":s": {"S": "b"}, ":t": {"S": "e"}}`),
	query("pk = :p AND sk BETWEEN :t AND :s", `{":p": {"S": "q"}, ":s": {"S": "b"}, ":t": {"S": "e"}}`),
	query("pk = :p AND begins_with(sk, :s)", `{":p": {"S": "q"}, ":s": {"S": "e"}}`),
	query("begins_with(sk, :s) AND (pk = :p)", `{":p": {"S": "q"}, ":s": {"S": "e"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "due"`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "nth"`),
	query("pk = :p AND nth < :x", `{":p": {"S": "q"}, ":x": {"N": "10.0"}}`, `"IndexName": "nth", "ScanIndexForward": false`),
	query("pk = :p AND due <= :x", `{":p": {"S": "q"}, ":x": {"S": "2"}}`, `"IndexName": "due"`),
	query("pk = :p AND due <= :x", `{":p": {"S": "q"}, ":x": {"S": "2"}}`, `"IndexName": "due", "ReturnConsumedCapacity": "INDEXES"`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "due", "Select": "ALL_ATTRIBUTES"`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "due", "Select": "COUNT"`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "due", "FilterExpression": "w = :w"`).
		not("a value is missing", "ValidationException"),
	query("pk = :p", `{":p": {"S": "q"}, ":w": {"S": "2"}}`, `"IndexName": "due", "FilterExpression": "w = :w"`),
	query("pk = :p", `{":p": {"S": "q"}, ":w": {"S": "x"}}`, `"IndexName": "due", "FilterExpression": "doc = :w"`),
	query("pk = :p", `{":p": {"S": "q"}, ":w": {"S": "2"}}`, `"FilterExpression": "w = :w", "Limit": 4`),
	query("pk = :p", `{":p": {"S": "q"}, ":w": {"S": "2"}}`, `"FilterExpression": "sk = :w"`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 2`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 7`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 8`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 0`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 2, "ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"S": "b"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 2, "ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"S": "bb"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 2, "ScanIndexForward": false, "ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"S": "c"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Limit": 1, "IndexName": "due"`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "due", "ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"S": "c"}, "due": {"S": "2"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "due", "ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"S": "c"}}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"ExclusiveStartKey": {"pk": {"S": "other"}, "sk": {"S": "c"}}`),
	query("pk = :p AND sk > :s", `{":p": {"S": "q"}, ":s": {"S": "c"}}`, `"ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"S": "b"}}`),
	query("pk = :p", `{":p": {"S": "nobody"}}`, `"ReturnConsumedCapacity": "TOTAL"`).not("reading nothing is free there", ""),
	query("pk = :p", `{":p": {"S": "q"}}`, `"IndexName": "gone"`),
	query("sk = :p", `{":p": {"S": "q"}}`),
	query("pk > :p", `{":p": {"S": "q"}}`),
	query("pk = :p AND w = :p", `{":p": {"S": "q"}}`),
	query("pk = :p AND sk = :p AND w = :p", `{":p": {"S": "q"}}`).not("which error of two comes first", "ValidationException"),
	query("pk = :p AND sk <> :p", `{":p": {"S": "q"}}`),
	query("pk = :p OR sk = :p", `{":p": {"S": "q"}}`),
	query("pk = :p AND sk IN (:p)", `{":p": {"S": "q"}}`),
	query("pk = :p AND contains(sk, :p)", `{":p": {"S": "q"}}`),
	query("pk = :p AND sk > :p AND sk < :p", `{":p": {"S": "q"}}`),
	query("pk = :p", `{":p": {"N": "1"}}`),
	query("pk = :p", `{":p": {"S": ""}}`).not("the words \"are not valid\"", "ValidationException"),
	query("pk = :p", `{":p": {"S": "q"}, ":x": {"S": "q"}}`),
	query("#p = :p", `{":p": {"S": "q"}}`, aliases+`{"#p": "pk", "#x": "x"}`),
	query("pk = :p", `{":p": {"S": "q"}}`, `"Select": "ALL_PROJECTED_ATTRIBUTES"`).not("it does not look", "ValidationException"),
	query("pk = :p", `{":p": {"S": "q"}}`, `"ProjectionExpression": "sk", "Select": "COUNT"`).not("it does not look", "ValidationException"),

	// Scans.
	{name: "Scan", body: `{"TableName": "leases", "IndexName": "nth", "ConsistentRead": true}`},
	{name: "Scan", body: `{"TableName": "leases", "FilterExpression": "begins_with(pk, :p)", "ProjectionExpression": "pk, sk, w",
		"ExpressionAttributeValues": {":p": {"S": "q"}}}`},
	{name: "Scan", body: `{"TableName": "nowhere"}`},

	// What is not there.
	{name: "DescribeTable", body: `{"TableName": "nowhere"}`},
	operation{name: "CreateTable", body: leases}.not("the words", "ResourceInUseException"),
	operation{name: "TransactWriteItems", body: `{"TransactItems": []}`}.not("more words", "UnknownOperationException"),
}
