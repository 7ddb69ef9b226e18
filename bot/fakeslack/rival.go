package fakeslack

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"
)

// Rival is a second process on the same app token, such as a copy that somebody
// forgot to stop: Slack gives it its share of the envelopes. It acknowledges
// everything and does nothing.
type Rival struct {
	conns []*websocket.Conn
	wg    sync.WaitGroup
	mu    sync.Mutex
	took  int
}

// StartRival opens Socket Mode connections for a rival and waits until Slack
// has said hello on each. It needs Start, without Options.TLS.
func (w *Workspace) StartRival(connections int) (*Rival, error) {
	r := &Rival{}
	for range connections {
		w.mu.Lock()
		granted, _ := connectionsOpen(w, nil)
		w.mu.Unlock()
		c, _, err := websocket.DefaultDialer.DialContext(w.ctx, str(granted["url"]), nil)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("fakeslack: rival: %w", err)
		}
		r.conns = append(r.conns, c)
		if _, _, err := c.ReadMessage(); err != nil {
			r.Close()
			return nil, fmt.Errorf("fakeslack: rival: %w", err)
		}
		r.wg.Go(func() { r.serve(c) })
	}
	return r, nil
}

func (r *Rival) serve(c *websocket.Conn) {
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			return
		}
		var e struct {
			ID string `json:"envelope_id"`
		}
		if json.Unmarshal(b, &e) != nil || e.ID == "" {
			continue
		}
		r.mu.Lock()
		r.took++
		r.mu.Unlock()
		_ = c.WriteJSON(map[string]any{"envelope_id": e.ID})
	}
}

// Took is how many envelopes the rival has taken.
func (r *Rival) Took() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.took
}

// Close ends the rival's connections.
func (r *Rival) Close() {
	for _, c := range r.conns {
		c.Close()
	}
	r.wg.Wait()
}
