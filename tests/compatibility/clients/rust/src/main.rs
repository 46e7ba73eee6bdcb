//! A client on rskafka: publishes an upload and a request, and prints the job's outcome.

use rskafka::client::partition::{Compression, OffsetAt, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use std::collections::BTreeMap;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, section, upload, key, request, job] = &given[..] else {
        return Err("BROKERS SECTION UPLOAD KEY REQUEST JOB".into());
    };
    let client = ClientBuilder::new(brokers.split(',').map(String::from).collect()).build().await?;
    publish(&client, "template-commands", section, upload).await?;
    publish(&client, "poster-requests", key, request).await?;
    let topics = client.list_topics().await?;
    let completions = topics.into_iter().find(|topic| topic.name == "poster-completions").ok_or("no topic")?;
    let mut offsets = BTreeMap::new();
    loop {
        for partition in completions.partitions.iter() {
            let reader = client
                .partition_client("poster-completions", *partition, UnknownTopicHandling::Retry)
                .await?;
            let offset = match offsets.get(partition) {
                Some(offset) => *offset,
                None => reader.get_offset(OffsetAt::Earliest).await?,
            };
            let (records, _) = reader.fetch_records(offset, 1..1_000_000, 200).await?;
            offsets.insert(*partition, records.last().map_or(offset, |last| last.offset + 1));
            for found in records {
                let text = String::from_utf8(found.record.value.unwrap_or_default())?;
                if text.contains(job.as_str()) {
                    println!("{text}");
                    return Ok(());
                }
            }
        }
    }
}

async fn publish(client: &Client, topic: &str, key: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let writer = client.partition_client(topic, 0, UnknownTopicHandling::Retry).await?;
    let record = Record {
        key: (!key.is_empty()).then(|| key.as_bytes().to_vec()),
        value: Some(std::fs::read(file)?),
        headers: BTreeMap::new(),
        timestamp: chrono::Utc::now(),
    };
    writer.produce(vec![record], Compression::default()).await?;
    Ok(())
}
