// Package fakedynamo is a stand-in for the part of DynamoDB that store/dynamo
// uses, over the wire protocol that the SDK speaks. It is in memory, for one
// account in one region.
//
// What a store can get wrong shows here as it does at AWS: a read without
// ConsistentRead sees the past; a condition is looked at and the write done in one
// step; an answer is lost and the SDK puts again what was put; a call arrives after
// its caller gave up; a page ends at a limit or at 1 MB with a key to go on from; of a
// batch something is left; an item is too large, a word reserved, a name not used.
// What DynamoDB has and is not imitated here is refused, and never ignored.
//
// A DB is an http.Handler: the production binary runs unmodified against it with
// AWS_ENDPOINT_URL_DYNAMODB set to a listener that serves it. Inside a
// testing/synctest bubble, where sockets do not work, DB.HTTPClient runs the handler
// in the caller's goroutine. The package starts no goroutine of its own.
//
//	db := fakedynamo.New(fakedynamo.Options{})
//	client := dynamodb.NewFromConfig(aws.Config{
//		Region:      fakedynamo.DefaultRegion,
//		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
//		HTTPClient:  db.HTTPClient("replica 1"),
//	})
//
// What it does not do:
//
//	global indexes, transactions, PartiQL, streams, time to live   refused
//	exports, imports, backups other than the switch for recovery   refused
//	provisioned capacity, autoscaling                              refused
//	the parameters before expressions (Expected, KeyConditions)    refused
//	parallel scans (Segment, TotalSegments)                        refused
//	throttling by itself, splits of partitions                     only as a fault
//	the 10 GB of items with one partition key, for local indexes   no limit
//	permissions                                                    every signature is good, for five minutes
//	nesting beyond 32 levels, more than 300 operators              no limit
//	the words of messages that AWS generates from its model        the gist
//
// dynalite, somebody else's emulator, is the second opinion: TestDynaliteAgrees and
// TestDynaliteAgreesOnAnything hold both to the same answers, in the first but for
// what is said there to differ.
package fakedynamo
