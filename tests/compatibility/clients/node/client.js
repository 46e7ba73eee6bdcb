// A client on kafkajs with its defaults: publishes an upload and a request, and prints the job's outcome.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");

const [modules, brokers, section, upload, key, request, job] = process.argv.slice(2);
const { Kafka, logLevel } = createRequire(`${modules}/`)("kafkajs");

async function main() {
  const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: "template-commands", messages: [{ key: section, value: readFileSync(upload) }] });
  await producer.send({ topic: "poster-requests", messages: [{ key: key || null, value: readFileSync(request) }] });
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: `compatibility-kafkajs-${job}` });
  await consumer.connect();
  await consumer.subscribe({ topic: "poster-completions", fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.value.includes(job)) {
        console.log(message.value.toString());
        process.exit(0);
      }
    },
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
