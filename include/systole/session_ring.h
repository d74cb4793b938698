/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The Systole authors
 *
 * How a data plane in user space (a firewall on DPDK, VPP) has its sessions kept by Systole: `set session-source
 * shared-memory`. docs/SESSION_RING.md says what to do when; this file is the layout of the shared file and what is needed
 * to use it, in C11 or C++ with GCC or Clang.
 *
 *   the file: head (4096 bytes) | up: records, data plane -> Systole | down: records, Systole -> data plane
 *
 * Each ring has one writer and one reader. Indexes run freely and are masked; head - tail is what waits. The writer
 * writes records, then the head; the reader reads records, then writes the tail. Numbers are in the machine's byte order,
 * addresses in network order. All that is reserved is zero.
 *
 * One process at a time is the data plane: attaching locks the file, and the kernel gives the lock back however it ends.
 * One thread calls push, another one may call pop.
 */
#ifndef SYSTOLE_SESSION_RING_H
#define SYSTOLE_SESSION_RING_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __cplusplus
#define SYSTOLE_RING_POINTER(type, value) static_cast<type *>(value)
#define SYSTOLE_RING_LENGTH(value) static_cast<size_t>(value)
extern "C" {
#else
#define SYSTOLE_RING_POINTER(type, value) (value)
#define SYSTOLE_RING_LENGTH(value) ((size_t)(value))
#endif

#define SYSTOLE_RING_MAGIC UINT64_C(0x676e697253737953) /* "SysSring" */
#define SYSTOLE_RING_VERSION 1U

enum {
	/* ---- up: the data plane says */
	SYSTOLE_SESSION_SEEN = 1,  /* new, or changed, or told by a dump: the whole session */
	SYSTOLE_SESSION_ENDED = 2, /* the key is enough */
	SYSTOLE_DUMP_BEGIN = 3,    /* `number` of the request; all that is there follows as SEEN, changes between */
	SYSTOLE_DUMP_END = 4,      /* the same `number`: what this dump did not tell has ended */
	/* ---- down: Systole says */
	SYSTOLE_SESSION_PUT = 16,    /* have it, whatever you had of that key: the whole session */
	SYSTOLE_SESSION_REMOVE = 17, /* the key; one that is not there is removed */
	SYSTOLE_DUMP_REQUEST = 18,   /* primary now: tell changes, and everything once, with `number` */
	SYSTOLE_QUIET = 19           /* it is not: what is told is not listened to */
};

enum { SYSTOLE_SEEN_REPLY = 1, SYSTOLE_ASSURED = 2 };            /* flags */
enum { SYSTOLE_TCP_SCALING = 1, SYSTOLE_TCP_SELECTIVE_ACK = 2 }; /* tcp_flags */

struct systole_session_tuple {
	uint8_t source[16]; /* IPv4: the first four, the others zero */
	uint8_t destination[16];
	uint16_t source_port;      /* TCP, UDP, SCTP, DCCP: ports. ICMP: the identifier, */
	uint16_t destination_port; /* and type << 8 | code. GRE: keys. Others: 0 */
};

struct systole_session_adjustment { /* what a NAT helper added to or took from a TCP stream */
	uint32_t correction_at;
	int32_t offset_before;
	int32_t offset_after;
};

struct systole_session_record {
	uint8_t type;
	/* ---- the key, with `zone` and `original` */
	uint8_t family;   /* 4 or 6 */
	uint8_t protocol; /* IANA */
	/* ---- */
	uint8_t flags;
	uint16_t zone;
	uint8_t tcp_state; /* linux/netfilter/nf_conntrack_tcp.h: 1 SYN_SENT, 3 ESTABLISHED, ... 9 SYN_SENT2 */
	uint8_t helper; /* 0 none, 1 ftp, 2 tftp, 3 sip, 4 h323, 5 irc, 6 pptp, 7 amanda, 8 snmp, 9 netbios, 10 sane */
	uint8_t tcp_flags[2];        /* of the original and the reply direction */
	uint8_t tcp_window_scale[2]; /* 0-14 */
	uint32_t mark;
	uint32_t timeout_s; /* left to live */
	uint32_t number;    /* of a dump */
	struct systole_session_tuple original;
	struct systole_session_tuple reply; /* mirrors original, but for NAT */
	struct systole_session_adjustment adjustment[2];
	uint8_t reserved[8];
};

struct systole_ring_index { /* alone in its cache line */
	uint32_t value;
	uint8_t reserved[60];
};

struct systole_ring_head {
	uint64_t magic;
	uint32_t version;
	uint32_t head_bytes;   /* where `up` begins; `down` follows it */
	uint32_t record_bytes; /* 128 */
	uint32_t ring_records; /* of each ring, a power of two */
	uint64_t file_bytes;
	uint8_t reserved[32];
	/* ---- written by Systole */
	struct systole_ring_index closed; /* 1: this file is not used any more */
	struct systole_ring_index up_tail;
	struct systole_ring_index down_head;
	/* ---- written by the data plane */
	struct systole_ring_index up_head;
	struct systole_ring_index down_tail;
	struct systole_ring_index
		lost; /* records that found `up` full: Systole asks for a dump when this has changed */
	struct systole_ring_index attached; /* how often a data plane has attached */
};

#ifdef __cplusplus
static_assert(sizeof(struct systole_session_record) == 128, "part of the interface");
static_assert(sizeof(struct systole_ring_head) == 512, "part of the interface");
#else
_Static_assert(sizeof(struct systole_session_record) == 128, "part of the interface");
_Static_assert(sizeof(struct systole_ring_head) == 512, "part of the interface");
#endif

/* What a data plane holds of an attached file. */
struct systole_session_ring {
	struct systole_ring_head *head;
	struct systole_session_record *up;
	struct systole_session_record *down;
	size_t bytes;
	uint32_t records;
	int file;
};

static inline uint32_t systole_ring_load(const struct systole_ring_index *index)
{
	return __atomic_load_n(&index->value, __ATOMIC_ACQUIRE);
}

static inline void systole_ring_store(struct systole_ring_index *index, uint32_t value)
{
	__atomic_store_n(&index->value, value, __ATOMIC_RELEASE);
}

/* Null when `head` begins a file of `bytes` bytes that this header describes, else why not. */
static inline const char *systole_ring_fault(const struct systole_ring_head *head, uint64_t bytes)
{
	if (head->magic != SYSTOLE_RING_MAGIC)
		return "not a session ring";
	if (head->version != SYSTOLE_RING_VERSION)
		return "a session ring of another version: build the data plane with the session_ring.h of this "
		       "systoled";
	if (head->record_bytes != sizeof(struct systole_session_record) || head->head_bytes < sizeof(*head) ||
	    head->head_bytes % sizeof(struct systole_session_record) != 0 || head->ring_records == 0 ||
	    (head->ring_records & (head->ring_records - 1)) != 0)
		return "a session ring with sizes that cannot be";
	if (head->file_bytes != bytes ||
	    head->head_bytes + UINT64_C(2) * head->ring_records * head->record_bytes != bytes)
		return "a session ring whose file is not as long as it says";
	return NULL;
}

static inline void systole_session_detach(struct systole_session_ring *ring)
{
	if (ring->head != NULL)
		munmap(ring->head, ring->bytes);
	if (ring->file >= 0)
		close(ring->file); /* gives the lock back */
	memset(ring, 0, sizeof(*ring));
	ring->file = -1;
}

/* Null: attached, and Systole puts what it knows and asks for a dump where that is due. Else why not, in a few words; with
 * "no file" and "another" it is worth trying again in a second. */
static inline const char *systole_session_attach(struct systole_session_ring *ring, const char *path)
{
	const char *fault = NULL;
	struct stat info;
	void *memory = NULL;

	memset(ring, 0, sizeof(*ring));
	ring->file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (ring->file < 0)
		return errno == ENOENT ? "no file: systoled does not run, or without `set session-source shared-memory`"
				       : "the file cannot be opened: run as systoled's user, or in its group";
	if (flock(ring->file, LOCK_EX | LOCK_NB) != 0)
		fault = "another data plane is attached";
	else if (fstat(ring->file, &info) != 0 || info.st_size < 4096)
		fault = "not a session ring: too short";
	if (fault == NULL) {
		ring->bytes = SYSTOLE_RING_LENGTH(info.st_size);
		memory = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->file, 0);
		if (memory == MAP_FAILED) {
			fault = "the file cannot be mapped";
		} else {
			ring->head = SYSTOLE_RING_POINTER(struct systole_ring_head, memory);
			fault = systole_ring_fault(ring->head, ring->bytes);
		}
	}
	if (fault == NULL && systole_ring_load(&ring->head->closed) != 0)
		fault = "no file: systoled has just ended";
	if (fault != NULL) {
		systole_session_detach(ring);
		return fault;
	}
	ring->records = ring->head->ring_records;
	/* The head is a whole number of records, as systole_ring_fault() has looked. */
	ring->up = SYSTOLE_RING_POINTER(struct systole_session_record, memory);
	ring->up += ring->head->head_bytes / sizeof(*ring->up);
	ring->down = ring->up + ring->records;
	__atomic_add_fetch(&ring->head->attached.value, 1, __ATOMIC_ACQ_REL);
	return NULL;
}

/* Ask once a second or so: 0 when systoled has ended or begun anew, or nothing is attached. Then detach, and attach again. */
static inline int systole_session_is_current(const struct systole_session_ring *ring, const char *path)
{
	struct stat mine;
	struct stat there;
	return ring->head != NULL && systole_ring_load(&ring->head->closed) == 0 && fstat(ring->file, &mine) == 0 &&
	       stat(path, &there) == 0 && mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Tells Systole. 0: there is no room now; for whoever can wait, as a dump can. */
static inline int systole_session_try_push(struct systole_session_ring *ring,
					   const struct systole_session_record *record)
{
	const uint32_t at = ring->head->up_head.value; /* ours alone */
	if (at - systole_ring_load(&ring->head->up_tail) >= ring->records)
		return 0;
	ring->up[at & (ring->records - 1)] = *record;
	systole_ring_store(&ring->head->up_head, at + 1);
	return 1;
}

/* The same for whoever cannot wait, as a packet cannot. 0: it is lost, and Systole will ask for a dump. */
static inline int systole_session_push(struct systole_session_ring *ring, const struct systole_session_record *record)
{
	if (systole_session_try_push(ring, record))
		return 1;
	systole_ring_store(&ring->head->lost, ring->head->lost.value + 1);
	return 0;
}

/* What Systole says next. 0: nothing waits. Take all of it at least every 10 ms: before a takeover much comes at once. */
static inline int systole_session_pop(struct systole_session_ring *ring, struct systole_session_record *record)
{
	const uint32_t at = ring->head->down_tail.value; /* ours alone */
	if (at == systole_ring_load(&ring->head->down_head))
		return 0;
	*record = ring->down[at & (ring->records - 1)];
	systole_ring_store(&ring->head->down_tail, at + 1);
	return 1;
}

#ifdef __cplusplus
}
#endif

#endif
