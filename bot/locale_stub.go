package bot

import "context"

// in is how one person is spoken to.
func (b *Bot) in(context.Context, string) render { return b.show }
