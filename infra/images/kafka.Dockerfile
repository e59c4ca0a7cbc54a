# Apache Kafka from its own jars, with the interface of the official image (`apache/kafka`), for machines that cannot
# pull it: settings come as KAFKA_* variables, the cluster's id as CLUSTER_ID, data live in /var/lib/kafka/data, extra
# settings and certificates in /mnt/shared/config and /etc/kafka/secrets. Kafka's own KafkaDockerWrapper, which the
# official image runs, reads them here too. The context holds the jars in `libs/`.
ARG JAVA_IMAGE=eclipse-temurin:21-jre
FROM ${JAVA_IMAGE}
LABEL org.opencontainers.image.title="Apache Kafka from its jars"
# The base may have a user of its own, and may run as it.
USER 0:0
COPY libs /opt/kafka/libs
COPY run-kafka /etc/kafka/docker/run
COPY server.properties /etc/kafka/docker/
# The official image's user by its number: in some bases it has another name, in others none.
RUN mkdir -p /opt/kafka/config /opt/kafka/logs /var/lib/kafka/data /mnt/shared/config /etc/kafka/secrets && \
    chown -R 1000:0 /opt/kafka/config /opt/kafka/logs /var/lib/kafka/data /mnt/shared/config && \
    chmod -R g+w /opt/kafka/config /opt/kafka/logs
USER 1000:0
EXPOSE 9092
VOLUME ["/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"]
CMD ["/etc/kafka/docker/run"]
