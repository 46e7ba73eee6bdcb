// A client on Kafka's own Java library with its defaults: publishes an upload and a request, and prints the job's outcome.

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Client {
    public static void main(String[] given) throws Exception {
        String brokers = given[0], section = given[1], upload = given[2], key = given[3], request = given[4], job = given[5];
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("template-commands", section, Files.readString(Path.of(upload)))).get();
            String orNull = key.isEmpty() ? null : key;
            producer.send(new ProducerRecord<>("poster-requests", orNull, Files.readString(Path.of(request)))).get();
        }
        settings.put("group.id", "compatibility-java-" + job);
        settings.put("auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("poster-completions"));
            while (true) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.value().contains(job)) {
                        System.out.println(record.value());
                        return;
                    }
                }
            }
        }
    }
}
