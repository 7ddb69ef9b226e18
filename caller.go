package sshforward

// Caller is who gave a command, from where. Ids, never names.
type Caller struct {
	Team    string
	User    string
	Channel string
	Direct  bool   // Channel is a direct message
	Message string // Slack's ts of the message with the button, if one was pressed
	// Envelope is the id of Slack's envelope that the command came in, which may
	// come again, and at another replica. Empty for what came otherwise.
	Envelope string
}
