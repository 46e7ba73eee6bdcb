// A client on segmentio's kafka-go with its defaults: publishes an upload and a request, and prints the job's outcome.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	brokers, section, upload, key, request, job := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	addresses := strings.Split(brokers, ",")
	publish(ctx, addresses, "template-commands", section, upload)
	publish(ctx, addresses, "poster-requests", key, request)
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: addresses, GroupID: "compatibility-segmentio-" + job, Topic: "poster-completions", StartOffset: kafka.FirstOffset,
	})
	defer reader.Close()
	for {
		message, err := reader.ReadMessage(ctx)
		check(err)
		if bytes.Contains(message.Value, []byte(job)) {
			fmt.Println(string(message.Value))
			return
		}
	}
}

func publish(ctx context.Context, brokers []string, topic, key, file string) {
	value, err := os.ReadFile(file)
	check(err)
	writer := &kafka.Writer{Addr: kafka.TCP(brokers...), Topic: topic}
	message := kafka.Message{Value: value}
	if key != "" {
		message.Key = []byte(key)
	}
	check(writer.WriteMessages(ctx, message))
	check(writer.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
