package fakeslack

var viewKeys = map[string][]string{
	"modal": {"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id", "clear_on_close",
		"notify_on_close", "external_id", "submit_disabled"},
	"home": {"type", "blocks", "private_metadata", "callback_id", "external_id"},
}

func checkView(v map[string]any, at string) []string {
	c := &checker{on: onModal, blockID: map[string]bool{}}
	typ := str(v["type"])
	if v == nil {
		c.fail(at, "must be an object")
		return c.errs
	}
	if typ != "modal" && typ != "home" {
		c.fail(at+"/type", "unsupported type: %s", typ)
		return c.errs
	}
	if typ == "home" {
		c.on = onHome
	}
	c.keys(v, at, viewKeys[typ])
	c.blocks(v["blocks"], at+"/blocks")
	c.maybe(v, "private_metadata", at, 0, maxMetadata)
	c.maybe(v, "callback_id", at, 0, maxID)
	c.maybe(v, "external_id", at, 0, maxID)
	if typ == "home" {
		return c.errs
	}
	c.text(v["title"], at+"/title", "plain_text", maxViewTitle)
	for _, k := range []string{"submit", "close"} {
		if v[k] != nil {
			c.text(v[k], at+"/"+k, "plain_text", maxViewTitle)
		}
	}
	if c.inputs > 0 && v["submit"] == nil {
		c.fail(at, "submit is required when an input block is within the blocks array")
	}
	return c.errs
}
