/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The Systole authors
 *
 * A data plane that has sessions and no packets: it makes some, changes and ends a few, keeps what Systole puts into it,
 * and answers what Systole asks. How a real one uses session_ring.h can be read from it.
 *
 *   session_producer RING [COUNT [SECONDS]]
 *
 * COUNT sessions appear once this member is primary (0, or a secondary: none); every third is changed then, every fourth
 * ended. A line is printed for each thing that Systole says of itself, and after SECONDS (60) what there is:
 *
 *   sessions 750 checksum 8a4ffe5a2b1c3d4e put 0 removed 0 lost 0
 *
 * Two members in step print the same number and checksum.
 */
#define _DEFAULT_SOURCE
#include "systole/session_ring.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { table_slots = 1 << 20, told_at_once = 256 };

struct slot {
	struct systole_session_record session;
	int taken; /* 0: never, 1: yes, -1: not any more */
};

struct plane {
	struct systole_session_ring ring;
	const char *path;
	struct slot *slots;
	uint32_t sessions;
	uint32_t wanted; /* sessions to make once this member is primary */
	uint32_t dump_number;
	uint32_t dump_next; /* the slot that a dump tells next; table_slots: none runs */
	unsigned long put, removed, lost;
};

static volatile sig_atomic_t ending;

static void on_signal(int signal)
{
	(void)signal;
	ending = 1;
}

static double now_s(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* FNV-1a over bytes. */
static uint64_t mixed(uint64_t sum, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < length; ++i)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t key_sum(const struct systole_session_record *session)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	sum = mixed(sum, &session->family, 1);
	sum = mixed(sum, &session->protocol, 1);
	sum = mixed(sum, &session->zone, sizeof(session->zone));
	return mixed(sum, &session->original, sizeof(session->original));
}

/* All but what differs by nature: what the record is for, and the time that runs. */
static uint64_t session_sum(struct systole_session_record session)
{
	session.type = 0;
	session.timeout_s = 0;
	session.number = 0;
	return mixed(UINT64_C(0xcbf29ce484222325), &session, sizeof(session));
}

static int same_key(const struct systole_session_record *a, const struct systole_session_record *b)
{
	return a->family == b->family && a->protocol == b->protocol && a->zone == b->zone &&
	       memcmp(&a->original, &b->original, sizeof(a->original)) == 0;
}

/* The slot of a key, or the one it would get; null: full. */
static struct slot *find(struct plane *plane, const struct systole_session_record *key)
{
	struct slot *free_slot = NULL;
	uint32_t at = (uint32_t)(key_sum(key) % table_slots);
	for (uint32_t i = 0; i < table_slots; ++i, at = (at + 1) % table_slots) {
		struct slot *slot = &plane->slots[at];
		if (slot->taken > 0 && same_key(&slot->session, key))
			return slot;
		if (slot->taken <= 0 && free_slot == NULL)
			free_slot = slot;
		if (slot->taken == 0)
			break;
	}
	return free_slot;
}

static void keep(struct plane *plane, const struct systole_session_record *session)
{
	struct slot *slot = find(plane, session);
	if (slot == NULL)
		return;
	plane->sessions += slot->taken <= 0;
	slot->session = *session;
	slot->taken = 1;
}

static void forget(struct plane *plane, const struct systole_session_record *key)
{
	struct slot *slot = find(plane, key);
	if (slot == NULL || slot->taken <= 0)
		return;
	slot->taken = -1;
	--plane->sessions;
}

/* ---- what packets would bring about; they do not wait for room */

static void tell(struct plane *plane, uint8_t type, struct systole_session_record session)
{
	session.type = type;
	if (!systole_session_push(&plane->ring, &session))
		++plane->lost;
}

/* A TCP connection from behind source NAT. */
static struct systole_session_record made_up(uint32_t number)
{
	const uint8_t client[4] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
	const uint8_t server[4] = {198, 51, 100, 7};
	const uint8_t outside[4] = {203, 0, 113, 1};
	struct systole_session_record session;
	memset(&session, 0, sizeof(session));
	session.family = 4;
	session.protocol = 6;
	session.flags = SYSTOLE_SEEN_REPLY | SYSTOLE_ASSURED;
	session.tcp_state = 3;
	session.tcp_flags[0] = session.tcp_flags[1] = SYSTOLE_TCP_SCALING | SYSTOLE_TCP_SELECTIVE_ACK;
	session.tcp_window_scale[0] = session.tcp_window_scale[1] = 7;
	session.timeout_s = 3600;
	memcpy(session.original.source, client, sizeof(client));
	memcpy(session.original.destination, server, sizeof(server));
	session.original.source_port = (uint16_t)(1024 + number % 60000);
	session.original.destination_port = 443;
	memcpy(session.reply.source, server, sizeof(server));
	memcpy(session.reply.destination, outside, sizeof(outside));
	session.reply.source_port = 443;
	session.reply.destination_port = session.original.source_port;
	return session;
}

static void make_sessions(struct plane *plane)
{
	for (uint32_t i = 0; i < plane->wanted; ++i) {
		struct systole_session_record session = made_up(i);
		keep(plane, &session);
		tell(plane, SYSTOLE_SESSION_SEEN, session);
	}
	for (uint32_t i = 0; i < plane->wanted; i += 3) {
		struct systole_session_record session = made_up(i);
		session.mark = 1 + i;
		session.tcp_state = 4; /* FIN_WAIT */
		keep(plane, &session);
		tell(plane, SYSTOLE_SESSION_SEEN, session);
	}
	for (uint32_t i = 0; i < plane->wanted; i += 4) {
		const struct systole_session_record session = made_up(i);
		forget(plane, &session);
		tell(plane, SYSTOLE_SESSION_ENDED, session);
	}
	plane->wanted = 0;
}

/* ---- what Systole says */

static void begin_dump(struct plane *plane, uint32_t number)
{
	printf("asked for dump %u: this member is primary\n", number);
	plane->dump_number = number;
	plane->dump_next = 0;
	struct systole_session_record begin;
	memset(&begin, 0, sizeof(begin));
	begin.number = number;
	tell(plane, SYSTOLE_DUMP_BEGIN, begin);
	make_sessions(plane);
}

/* A part of it at a time: packets go on between. What does not fit now is told later. */
static void go_on_with_dump(struct plane *plane)
{
	struct systole_session_record record;
	for (int told = 0; plane->dump_next < table_slots && told < told_at_once; ++plane->dump_next) {
		const struct slot *slot = &plane->slots[plane->dump_next];
		if (slot->taken <= 0)
			continue;
		record = slot->session;
		record.type = SYSTOLE_SESSION_SEEN;
		if (!systole_session_try_push(&plane->ring, &record))
			return;
		++told;
	}
	if (plane->dump_next < table_slots)
		return;
	memset(&record, 0, sizeof(record));
	record.type = SYSTOLE_DUMP_END;
	record.number = plane->dump_number;
	plane->dump_next = systole_session_try_push(&plane->ring, &record) ? table_slots + 1 : table_slots;
}

static int listen_to_systole(struct plane *plane)
{
	struct systole_session_record said;
	int any = 0;
	for (; systole_session_pop(&plane->ring, &said); any = 1) {
		switch (said.type) {
		case SYSTOLE_SESSION_PUT:
			++plane->put;
			keep(plane, &said);
			break;
		case SYSTOLE_SESSION_REMOVE:
			++plane->removed;
			forget(plane, &said);
			break;
		case SYSTOLE_DUMP_REQUEST: begin_dump(plane, said.number); break;
		case SYSTOLE_QUIET:
			printf("quiet: this member is not primary\n");
			plane->dump_next = table_slots + 1;
			break;
		default: break;
		}
	}
	return any;
}

static int attach(struct plane *plane)
{
	const char *fault = systole_session_attach(&plane->ring, plane->path);
	if (fault != NULL) {
		fprintf(stderr, "%s: %s\n", plane->path, fault);
		return 0;
	}
	plane->dump_next = table_slots + 1;
	printf("attached to %s, %u records each way\n", plane->path, plane->ring.records);
	return 1;
}

static void report(const struct plane *plane)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < table_slots; ++i)
		if (plane->slots[i].taken > 0)
			sum += session_sum(plane->slots[i].session);
	printf("sessions %u checksum %016llx put %lu removed %lu lost %lu\n", plane->sessions, (unsigned long long)sum,
	       plane->put, plane->removed, plane->lost);
}

int main(int count, char **words)
{
	struct plane plane;
	const double seconds = count > 3 ? atof(words[3]) : 60;
	if (count < 2 || count > 4) {
		fprintf(stderr, "usage: session_producer RING [COUNT [SECONDS]]\n");
		return 2;
	}
	memset(&plane, 0, sizeof(plane));
	plane.path = words[1];
	plane.wanted = count > 2 ? (uint32_t)strtoul(words[2], NULL, 10) : 1000;
	plane.slots = calloc(table_slots, sizeof(*plane.slots));
	if (plane.slots == NULL || plane.wanted > table_slots / 2) {
		fprintf(stderr, "session_producer: no room for %u sessions\n", plane.wanted);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (!attach(&plane))
		return 1;
	const double end = now_s() + seconds;
	double look = now_s() + 1;
	for (double now = now_s(); !ending && now < end; now = now_s()) {
		const int busy = listen_to_systole(&plane);
		if (plane.dump_next <= table_slots)
			go_on_with_dump(&plane);
		else if (!busy)
			usleep(1000);
		if (now < look)
			continue;
		look = now + 1;
		/* systoled began anew: so do we, and it asks for what it has to know. */
		while (!ending && now_s() < end && !systole_session_is_current(&plane.ring, plane.path)) {
			systole_session_detach(&plane.ring);
			if (!attach(&plane))
				sleep(1);
		}
	}
	report(&plane);
	systole_session_detach(&plane.ring);
	free(plane.slots);
	return 0;
}
