// A client on franz-go with its defaults: publishes an upload and a request, and prints the job's outcome.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers, section, upload, key, request, job := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(brokers, ",")...),
		kgo.ConsumeTopics("poster-completions"),
		kgo.ConsumerGroup("compatibility-franz-"+job),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	check(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	publish(ctx, client, "template-commands", section, upload)
	publish(ctx, client, "poster-requests", key, request)
	for {
		fetches := client.PollFetches(ctx)
		check(ctx.Err())
		for iterator := fetches.RecordIter(); !iterator.Done(); {
			record := iterator.Next()
			if bytes.Contains(record.Value, []byte(job)) {
				fmt.Println(string(record.Value))
				return
			}
		}
	}
}

func publish(ctx context.Context, client *kgo.Client, topic, key, file string) {
	value, err := os.ReadFile(file)
	check(err)
	record := &kgo.Record{Topic: topic, Value: value}
	if key != "" {
		record.Key = []byte(key)
	}
	check(client.ProduceSync(ctx, record).FirstErr())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
