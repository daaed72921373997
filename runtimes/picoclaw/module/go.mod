// Pins PicoClaw's source: go.sum holds its checksum, and its own go.sum those of everything it needs.
module clawfleet.dev/picoclaw-source

go 1.25.10

require github.com/sipeed/picoclaw v0.2.9
