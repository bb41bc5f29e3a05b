// The burst on Flink, by hand: java Burst SERVERS GIVEN TAKEN TASK_MANAGERS SLOTS EVERY_MS STAGES_AT_ONCE
// Five maps of their own, as the thesis had them: parallelism 1-1-4-1-1 where there are slots for it; exactly once, by transactions.
// The fifth argument is the slots of each task manager, the last one the parallelism of the middle stage.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

public class Burst {
    static final ObjectMapper JSON = new ObjectMapper();

    static long fib(long n) {
        return n < 2 ? n : fib(n - 1) + fib(n - 2);
    }

    static String stage(String message, int number) throws Exception {
        ObjectNode node = (ObjectNode) JSON.readTree(message);
        node.put("r" + number, fib(node.get("stage" + number).asLong()));
        node.remove("stage" + number);
        return JSON.writeValueAsString(node);
    }

    public static void main(String[] args) throws Exception {
        String servers = args[0];
        Configuration settings = new Configuration();
        settings.setString("minicluster.number-of-taskmanagers", args[3]);
        settings.setString("taskmanager.numberOfTaskSlots", args[4]);
        settings.setString("taskmanager.memory.network.fraction", "0.2");
        settings.setString("rest.port", "0");
        int middle = Integer.parseInt(args[6]);
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
        flink.enableCheckpointing(Long.parseLong(args[5]));
        KafkaSource<String> source = KafkaSource.<String>builder()
            .setBootstrapServers(servers)
            .setTopics(args[1])
            .setGroupId("flink-" + args[1])
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
        SingleOutputStreamOperator<String> stream = flink
            .fromSource(source, WatermarkStrategy.noWatermarks(), "messages")
            .setParallelism(1);
        for (int number = 1; number <= 5; number++) {
            final int stage = number;
            stream = stream.rebalance().map(message -> stage(message, stage)).returns(String.class)
                .setParallelism(number == 3 ? middle : 1);
        }
        KafkaSink<String> sink = KafkaSink.<String>builder()
            .setBootstrapServers(servers)
            .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                .setTopic(args[2])
                .setValueSerializationSchema(new SimpleStringSchema(StandardCharsets.UTF_8))
                .build())
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix("flink-" + args[1])
            .setProperty("transaction.timeout.ms", String.valueOf(Duration.ofMinutes(5).toMillis()))
            .build();
        stream.rebalance().sinkTo(sink).setParallelism(1);
        flink.execute("burst");
    }
}
