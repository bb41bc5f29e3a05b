"""What every environment of another runtime needs: jars by hash, a Java, and a directory that is never half made.

Enters: jars by coordinate and SHA-256, a name, a directory. Leaves: files that are what a lock says; the Java that is
there, or what to do about it. May touch: core, the type of what tells progress, files below its directory, Maven and
Java as programs. Must never: name a registry, know an engine or a broker, leave anything half made in place.
"""
