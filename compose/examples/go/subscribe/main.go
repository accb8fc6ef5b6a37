// Follows a lane of a Kubus cluster from outside and prints each transition, once, in order. Where
// it stopped stands in a state file: started again, it goes on there.
//
//	go run ./subscribe --credentials FILE --lane pods [--once N] [--state FILE] [--after REVISION]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"example.org/kubus-examples/bus"
	"kubus/wire"
)

type state struct {
	Revision uint64 `json:"revision"`
}

// readState leaves `position` as it is if there is no state yet.
func readState(path string, position *uint64) error {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	var s state
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	*position = s.Revision
	return err
}

func writeState(path string, revision uint64) error {
	data, err := json.Marshal(state{revision})
	if err == nil {
		err = os.WriteFile(path+".new", append(data, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	return err
}

func line(e *wire.Event) string {
	name := string(e.Name())
	if len(e.Namespace()) > 0 {
		name = string(e.Namespace()) + "/" + name
	}
	return fmt.Sprintf("%d  %s  %s  by %s", e.Revision(), e.Type(), name, e.Actor())
}

func main() {
	log.SetFlags(0)
	credentials := flag.String("credentials", "", "the user's credentials file")
	lane := flag.String("lane", "pods", "RESOURCE[.GROUP]")
	namespace := flag.String("namespace", "", "only this one")
	once := flag.Int("once", 0, "stop after so many transitions; 0: go on")
	path := flag.String("state", "", "where to keep the last revision (default: subscribe-LANE.json)")
	after := flag.Uint64("after", bus.Present, "begin after this revision, if there is no state yet")
	flag.Parse()
	if *path == "" {
		*path = "subscribe-" + *lane + ".json"
	}
	c, err := bus.ReadCredentials(*credentials)
	if err != nil {
		log.Fatal(err)
	}
	client, err := bus.Connect(c, "subscribe")
	if err != nil {
		log.Fatal(err)
	}
	resource, group, _ := strings.Cut(*lane, ".")
	feed := bus.Feed{Client: client, Lane: bus.Lane{Group: group, Resource: resource, Namespace: *namespace}, Position: *after}
	if err := readState(*path, &feed.Position); err != nil {
		log.Fatal(err)
	}
	left := *once
	feed.OnEvent = func(e *wire.Event) {
		fmt.Println(line(e))
		if err := writeState(*path, e.Revision()); err != nil {
			log.Fatal(err)
		}
		if left--; left == 0 {
			os.Exit(0)
		}
	}
	feed.OnGap = func(why string, after uint64) { log.Printf("gap after revision %d: %s", after, why) }
	feed.OnExpired = func(after uint64) {
		log.Printf("what came after revision %d is compacted away; going on at the present", after)
	}
	log.Fatal(feed.Follow())
}
