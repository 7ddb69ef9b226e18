// Package standin is what the stand-ins for HTTP APIs have in common, fakeaws and
// fakedynamo: how an answer gets back to the caller or breaks off on its way, the
// list of the calls that were made, and which of them something is to go wrong
// with. What an API does, and what can go wrong in it, is each stand-in's own.
package standin
