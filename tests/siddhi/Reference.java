import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.siddhi.core.SiddhiAppRuntime;
import io.siddhi.core.SiddhiManager;
import io.siddhi.core.event.Event;
import io.siddhi.core.stream.input.InputHandler;
import io.siddhi.core.stream.output.StreamCallback;
import io.siddhi.query.api.definition.Attribute;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Runs Siddhi apps for tests and benchmarks. A line of JSON in, {"app", "events": [[stream, time, [value...]]], "outputs"}, and a line out,
 * {"rows"} or {"error"}. With "repeat" the events are made objects and sent so many times, each time behind the last: {"rate", "count"}.
 */
public class Reference {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Gson gson = new Gson().newBuilder().serializeNulls().create();
        SiddhiManager manager = new SiddhiManager();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonObject answer = new JsonObject();
            try {
                JsonObject job = JsonParser.parseString(line).getAsJsonObject();
                if (job.has("repeat")) {
                    measure(manager, job, answer);
                } else {
                    answer.add("rows", gson.toJsonTree(run(manager, job)));
                }
            } catch (Throwable error) {
                answer.addProperty("error", String.valueOf(error.getMessage()));
            }
            out.println(gson.toJson(answer));
        }
        manager.shutdown();
        System.exit(0);
    }

    private static List<Object> run(SiddhiManager manager, JsonObject job) throws Exception {
        SiddhiAppRuntime runtime = manager.createSiddhiAppRuntime(job.get("app").getAsString());
        List<Object> rows = new ArrayList<>();
        for (JsonElement output : job.getAsJsonArray("outputs")) {
            String name = output.getAsString();
            runtime.addCallback(name, new StreamCallback() {
                @Override
                public void receive(Event[] events) {
                    for (Event event : events) {
                        rows.add(List.of(name, event.getTimestamp(), event.getData()));
                    }
                }
            });
        }
        runtime.start();
        try {
            for (Given event : given(runtime, job)) {
                runtime.getInputHandler(event.stream).send(event.time, event.values);
            }
        } finally {
            runtime.shutdown();
        }
        return rows;
    }

    private static void measure(SiddhiManager manager, JsonObject job, JsonObject answer) throws Exception {
        SiddhiAppRuntime runtime = manager.createSiddhiAppRuntime(job.get("app").getAsString());
        AtomicLong count = new AtomicLong();
        for (JsonElement output : job.getAsJsonArray("outputs")) {
            runtime.addCallback(output.getAsString(), new StreamCallback() {
                @Override
                public void receive(Event[] events) {
                    count.addAndGet(events.length);
                }
            });
        }
        runtime.start();
        List<Given> events = given(runtime, job);
        InputHandler handler = runtime.getInputHandler(events.get(0).stream);
        long span = events.get(events.size() - 1).time - events.get(0).time + 1;
        int repeat = job.get("repeat").getAsInt();
        long began = System.nanoTime();
        for (int i = 0; i < repeat; i++) {
            for (Given event : events) {
                handler.send(event.time + i * span, event.values.clone());
            }
        }
        answer.addProperty("rate", 1e9 * repeat * events.size() / (System.nanoTime() - began));
        runtime.shutdown();
        answer.addProperty("count", count.get());
    }

    private static final class Given {
        String stream;
        long time;
        Object[] values;
    }

    private static List<Given> given(SiddhiAppRuntime runtime, JsonObject job) {
        List<Given> all = new ArrayList<>();
        for (JsonElement one : job.getAsJsonArray("events")) {
            JsonArray event = one.getAsJsonArray();
            Given made = new Given();
            made.stream = event.get(0).getAsString();
            made.time = event.get(1).getAsLong();
            List<Attribute> attributes = runtime.getStreamDefinitionMap().get(made.stream).getAttributeList();
            JsonArray values = event.get(2).getAsJsonArray();
            made.values = new Object[values.size()];
            for (int i = 0; i < made.values.length; i++) {
                made.values[i] = value(values.get(i), attributes.get(i).getType());
            }
            all.add(made);
        }
        return all;
    }

    private static Object value(JsonElement given, Attribute.Type type) {
        if (given.isJsonNull()) {
            return null;
        }
        switch (type) {
            case INT:
                return given.getAsInt();
            case LONG:
                return given.getAsLong();
            case FLOAT:
                return given.getAsFloat();
            case DOUBLE:
                return given.getAsDouble();
            case BOOL:
                return given.getAsBoolean();
            default:
                return given.getAsString();
        }
    }
}
