// Package chunk cuts files into content-defined chunks, packs chunks for the
// way to the cloud, and describes a stored version as a manifest. The worker
// makes these bytes and the cloud checks them, so both use this package and
// neither trusts what it reads: every chunk is hashed again, nothing is
// decompressed beyond its stated and bounded length, no name leaves its folder.
// It must never open a file, talk to a network or keep state between calls.
//
// # Cutting
//
// FastCDC, unkeyed, with the fixed parameters MinSize, AvgSize and MaxSize.
// Changing any of them makes every stored chunk useless for later saves, which
// is why testdata/boundaries.json pins boundaries and ids of known input. A
// chunk's id is the SHA-256 of its plain bytes. An empty file has no chunk.
//
// # Pack format, version 1
//
// All numbers are big-endian.
//
//	magic    7 bytes  "ISCPACK"
//	version  1 byte   1
//	per chunk:
//	  codec  1 byte   1 = raw, 2 = zstd, 3 = S2
//	  id    32 bytes  SHA-256 of the plain bytes
//	  size   4 bytes  plain length, 1 to MaxSize
//	  stored 4 bytes  length of what follows
//	  bytes  stored   the chunk: raw; or one zstd frame without dictionary; or the
//	                  4 bytes "ISS2" and one S2 block
//	end:
//	  codec  1 byte   0
//	  count  4 bytes  number of chunks, 1 to MaxPackChunks
//
// Raw chunks have stored = size; a compressed chunk is always shorter than its
// plain bytes (else the writer stores it raw) and its first four bytes tell S2
// from zstd, whose frames begin otherwise. So the stored bytes and the plain
// length say how a chunk is read, and a location in an index needs no codec; the
// codec of the pack must agree. A writer chooses it for each chunk. A pack holds each
// id once, is at most MaxPack bytes long, holds at most MaxPackPlain plain bytes
// and ends where its count ends. A pack is named by the SHA-256 of all its bytes.
//
// # Manifest
//
// Canonical JSON: what Encode writes and nothing else. One version is one
// manifest, named by the SHA-256 of its bytes.
package chunk
