// Package bus speaks to a Kubus cluster: subjects, requests and answers, and feeds without a gap.
package bus

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/nats-io/nats.go"
	"kubus/wire"
)

const answerWithin = 5 * time.Second

// Credentials as the file of a user has them.
type Credentials struct {
	Cluster, Actor, User, Password string
	Servers                        []string
	Ca, Cert, Key                  string
}

func ReadCredentials(path string) (c Credentials, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	return c, err
}

// Token writes text as one token of a subject: "" is `_`; `.` is `/`; what NATS forbids is %XX.
func Token(text string) string {
	switch text {
	case "":
		return "_"
	case "_":
		return "%5F"
	}
	var out strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == '.':
			out.WriteByte('/')
		case c <= 0x20 || c >= 0x7F || strings.IndexByte("*>%/", c) >= 0:
			fmt.Fprintf(&out, "%%%02X", c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func actorToken(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		plain := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if plain || strings.IndexByte("-:@", c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// Failure is the store's word: its reason is that of a Kubernetes Status.
type Failure struct{ Reason, Message string }

func (f *Failure) Error() string { return f.Message }

// Client asks the store. Answers come under the own actor's reply subject, told apart by id.
type Client struct {
	Conn          *nats.Conn
	Prefix        string // "kubus.<cluster>"
	actor, reply  string
	mutex         sync.Mutex
	waiting       map[string]chan answer
	reconnectings []func()
}

type answer struct {
	outcome *wire.Outcome
	failure error
}

func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	return hex.EncodeToString(b[:])
}

func Connect(credentials Credentials, name string) (*Client, error) {
	c := &Client{
		Prefix:  "kubus." + Token(credentials.Cluster),
		actor:   actorToken(credentials.Actor),
		waiting: map[string]chan answer{},
	}
	c.reply = c.Prefix + ".reply." + c.actor + "." + newID()
	options := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.UserInfo(credentials.User, credentials.Password),
		nats.ReconnectHandler(func(*nats.Conn) { c.onReconnect() }),
	}
	if credentials.Ca != "" {
		options = append(options, nats.RootCAs(credentials.Ca))
	}
	if credentials.Cert != "" {
		options = append(options, nats.ClientCert(credentials.Cert, credentials.Key))
	}
	var err error
	c.Conn, err = nats.Connect(strings.Join(credentials.Servers, ","), options...)
	if err == nil {
		_, err = c.Conn.Subscribe(c.reply, c.onReplies)
	}
	return c, err
}

func (c *Client) onReconnect() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, f := range c.reconnectings {
		f()
	}
}

func (c *Client) onReplies(message *nats.Msg) {
	replies := wire.GetRootAsReplies(message.Data, 0)
	for i := 0; i < replies.RepliesLength(); i++ {
		var reply wire.Reply
		if !replies.Replies(&reply, i) {
			continue
		}
		c.mutex.Lock()
		waiter := c.waiting[string(reply.Id())]
		c.mutex.Unlock()
		if waiter == nil {
			continue // late, or not ours
		}
		outcome := new(wire.Outcome)
		failure := reply.Failure(nil)
		if reply.Outcomes(outcome, 0) && failure == nil {
			failure = outcome.Failure(nil)
		}
		a := answer{outcome: outcome}
		if failure != nil {
			a.failure = &Failure{string(failure.Reason()), string(failure.Message())}
		}
		select {
		case waiter <- a:
		default:
		}
	}
}

// Lane is a resource, or with a namespace that part of it.
type Lane struct{ Group, Resource, Namespace string }

// EventsAfter asks for what happened in the lane after a revision, and repeats until there is an
// answer.
func (c *Client) EventsAfter(lane Lane, after uint64) (*wire.Outcome, error) {
	id := newID()
	waiter := make(chan answer, 1)
	c.mutex.Lock()
	c.waiting[id] = waiter
	c.mutex.Unlock()
	defer func() {
		c.mutex.Lock()
		delete(c.waiting, id)
		c.mutex.Unlock()
	}()
	subject := c.Prefix + ".api." + c.actor + ".events-after." + Token(lane.Group) + "." + Token(lane.Resource)
	for wait := 200 * time.Millisecond; ; wait = longer(wait) {
		if err := c.Conn.PublishRequest(subject, c.reply, eventsAfter(id, lane, after)); err == nil {
			select {
			case a := <-waiter:
				var failure *Failure
				again := errors.As(a.failure, &failure) &&
					(failure.Reason == "ServiceUnavailable" || failure.Reason == "Timeout" || failure.Reason == "TooManyRequests")
				if !again {
					return a.outcome, a.failure
				}
			case <-time.After(answerWithin):
			}
		}
		time.Sleep(wait)
	}
}

func eventsAfter(id string, lane Lane, after uint64) []byte {
	b := flatbuffers.NewBuilder(256)
	group, resource, namespace := b.CreateString(lane.Group), b.CreateString(lane.Resource), b.CreateString(lane.Namespace)
	wire.LaneStart(b)
	wire.LaneAddGroup(b, group)
	wire.LaneAddResource(b, resource)
	wire.LaneAddNamespace(b, namespace)
	laneAt := wire.LaneEnd(b)
	wire.OperationStart(b)
	wire.OperationAddVerb(b, wire.VerbEventsAfter)
	wire.OperationAddGroup(b, group)
	wire.OperationAddResource(b, resource)
	wire.OperationAddNamespace(b, namespace)
	wire.OperationAddLane(b, laneAt)
	wire.OperationAddAfter(b, after)
	operation := wire.OperationEnd(b)
	wire.RequestStartOperationsVector(b, 1)
	b.PrependUOffsetT(operation)
	operations := b.EndVector(1)
	idAt := b.CreateString(id)
	wire.RequestStart(b)
	wire.RequestAddId(b, idAt)
	wire.RequestAddDeadlineMs(b, time.Now().Add(answerWithin).UnixMilli())
	wire.RequestAddOperations(b, operations)
	b.Finish(wire.RequestEnd(b))
	return b.FinishedBytes()
}

func longer(wait time.Duration) time.Duration {
	if wait *= 2; wait < 5*time.Second {
		return wait
	}
	return 5 * time.Second
}
