# Stands in for the public image of Node: a Debian made from packages, and the Node that this repository's lockfile pins.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
COPY node /usr/local/bin/node
CMD ["node"]
