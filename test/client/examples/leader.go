// SPDX-License-Identifier: Apache-2.0

// Ask the sidecar whether this pod leads: go run leader.go POOL [URL]. Prints "leader" or "follower".
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Client asks one sidecar.
type Client struct{ url string }

// NewClient asks the sidecar whose URL it is given, or else the usual one: NewClient(mgr.GetClient()) is fine, too.
func NewClient(from interface{}) (*Client, error) {
	if url, given := from.(string); given && url != "" {
		return &Client{url}, nil
	}
	return &Client{"http://127.0.0.1:4040"}, nil
}

// IsLeader is false with an error when nothing is known: then this pod must not act as the leader.
func (c *Client) IsLeader(ctx context.Context, pool string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/v1/pools/"+pool, nil)
	if err != nil {
		return false, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	var known struct{ Role string }
	if err = json.NewDecoder(answer.Body).Decode(&known); err != nil {
		return false, err
	}
	return known.Role == "leader", nil
}

func main() {
	client, _ := NewClient(append(os.Args, "", "")[2])
	leads, err := client.IsLeader(context.Background(), append(os.Args, "")[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Println(map[bool]string{true: "leader", false: "follower"}[leads])
}
