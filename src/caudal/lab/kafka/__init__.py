"""The experiments over Kafka: a worker dies, a burst through topics, the DoS query from topic to topic.

Enters: what to run. Leaves: figures. May touch: a broker (its own, in a temporary directory, or one that is named), topics of its
own there, `caudal run` in processes of its own, `/proc`. Must never: leave a process, a topic or a directory behind, however it
ends; judge by anything but what a reader of committed messages sees, and what the producer was told is there.
"""
