package bus

import (
	"errors"
	"math"
	"math/rand"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"kubus/wire"
)

const (
	waitingMost = 1000
	askEvery    = 30 * time.Second
	// Present, as a position: from now on.
	Present = uint64(math.MaxUint64)
)

// Feed follows a lane without a gap: it hears events, notices what is missing (an event whose
// previous one in the lane is not the last one seen, or a head ahead of it), and asks for it.
type Feed struct {
	Client   *Client
	Lane     Lane
	Position uint64 // go on after this revision; moves along
	OnEvent  func(*wire.Event)
	// What came after this revision is compacted; the feed goes on at the present. A program that
	// keeps a picture of the objects must list them again.
	OnExpired func(after uint64)
	OnGap     func(why string, after uint64)

	news   chan *nats.Msg // events and heads, in the order in which the store sent them
	askNow chan struct{}
}

// Follow does not return but for an error that asking again will not mend.
func (f *Feed) Follow() error {
	f.news = make(chan *nats.Msg, waitingMost)
	f.askNow = make(chan struct{}, 1)
	f.Client.mutex.Lock()
	f.Client.reconnectings = append(f.Client.reconnectings, f.ask)
	f.Client.mutex.Unlock()
	events, head := f.subjects()
	// What finds the channel full is dropped by the library, and then asked for here.
	for _, subject := range []string{events, head} {
		if _, err := f.Client.Conn.ChanSubscribe(subject, f.news); err != nil {
			return err
		}
	}
	// Subscribed before it asks: what happens after the first answer was read comes live.
	if f.Position == Present {
		if err := f.toPresent(); err != nil {
			return err
		}
	}
	for {
		if err := f.fill(); err != nil {
			return err
		}
		f.followLive()
	}
}

func (f *Feed) subjects() (events, head string) {
	name := Token(f.Lane.Group) + "." + Token(f.Lane.Resource)
	if f.Lane.Namespace == "" {
		return f.Client.Prefix + ".event." + name + ".>", f.Client.Prefix + ".head.resource." + name
	}
	name += "." + Token(f.Lane.Namespace)
	return f.Client.Prefix + ".event." + name + ".*", f.Client.Prefix + ".head.namespace." + name
}

func (f *Feed) previous(e *wire.Event) uint64 {
	if f.Lane.Namespace == "" {
		return e.PreviousResource()
	}
	return e.PreviousNamespace()
}

func (f *Feed) ask() {
	select {
	case f.askNow <- struct{}{}:
	default:
	}
}

func (f *Feed) deliver(e *wire.Event) {
	f.Position = e.Revision()
	f.OnEvent(e)
}

func (f *Feed) gap(why string) {
	if f.OnGap != nil {
		f.OnGap(why, f.Position)
	}
}

// Until something is missing, or it is time to ask.
func (f *Feed) followLive() {
	timer := time.NewTimer(askEvery + time.Duration(rand.Int63n(int64(askEvery))))
	defer timer.Stop()
	for {
		select {
		case message := <-f.news:
			if !f.take(message) {
				return
			}
		case <-f.askNow:
			return
		case <-timer.C:
			return
		}
	}
}

// False: something is missing.
func (f *Feed) take(message *nats.Msg) bool {
	if strings.HasPrefix(message.Subject, f.Client.Prefix+".head.") {
		// Sent behind the events that it counts: what of them is not here was lost.
		head := wire.GetRootAsHead(message.Data, 0).Revision()
		if head > f.Position {
			f.gap("the head is ahead")
		}
		return head <= f.Position
	}
	e := wire.GetRootAsEvent(message.Data, 0)
	if e.Revision() <= f.Position {
		return true
	}
	if f.previous(e) > f.Position {
		f.gap("an event did not come")
		return false
	}
	f.deliver(e)
	return true
}

// Asks for what came after the position until nothing is missing.
func (f *Feed) fill() error {
	for {
		outcome, err := f.Client.EventsAfter(f.Lane, f.Position)
		var failure *Failure
		if errors.As(err, &failure) && failure.Reason == "Expired" {
			if f.OnExpired != nil {
				f.OnExpired(f.Position)
			}
			return f.toPresent()
		}
		if err != nil {
			return err
		}
		n := outcome.EventsLength()
		for i := 0; i < n; i++ {
			var page wire.Bytes
			outcome.Events(&page, i)
			if e := wire.GetRootAsEvent(page.BytesBytes(), 0); e.Revision() > f.Position {
				f.deliver(e)
			}
		}
		if n > 0 && f.Position < outcome.Head() {
			continue
		}
		if outcome.Revision() > f.Position {
			f.Position = outcome.Revision()
		}
		return nil
	}
}

func (f *Feed) toPresent() error {
	outcome, err := f.Client.EventsAfter(f.Lane, Present)
	if err == nil {
		f.Position = outcome.Revision()
	}
	return err
}
