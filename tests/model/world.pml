// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Everything that happens to a member: words, silence, timers, faults, and what mends them. One function says when an
// event can happen, another does it.

c_code {
static void fault(void)
{
	++now.faults;
	now.incumbent = no_member;
}

static int faults_left(void) { return now.faults < BUDGET; }

/* ---- words and silence */

static int can_deliver(int i, int j)
{
	if (!connected(i, j))
		return 0;
	if (!(now.session[i] & bit(j))) /* a handshake needs both directions */
		return connected(j, i);
	return !alive(i, j) || !same_words(words_of(i, j), &now.member[j].words);
}

static void forget(int i, int j)
{
	struct Words *said = words_of(i, j);
#ifdef BUG_WAIT_FOR_THE_PRIMARY_ONLY
	if (said->state == work)
#endif
		wait_anew(i); /* whoever it is: it may have claimed, or have heard somebody claim */
	memset(said, 0, sizeof *said);
	now.member[i].words.hears &= ~bit(j);
}

static void deliver(int i, int j)
{
	struct Words *said = words_of(i, j);
	struct Words *self = &now.member[i].words;
	const struct Words before = *said;
	const int knew = alive(i, j);
#ifdef BUG_WAIT_FROM_OWN_LOSS
	const int followed = 0;
#else
	const int followed = live_primary_of(i) == no_member && somebody_follows_unheard(i);
#endif
	int renegotiate = 0;
	now.session[i] |= bit(j);
	now.session[j] |= bit(i);
	now.member[i].known |= bit(j);
	if (knew && before.boot != now.member[j].words.boot) {
		say("m%d finds that m%d has restarted\n", i, j);
		forget(i, j);
		evaluate(i, 1);
		return;
	}
	*said = now.member[j].words;
	self->hears |= bit(j);
	if (followed) /* until now; whom it followed may still be acting */
		wait_anew(i);
	say("m%d hears m%d: state %d epoch %d\n", i, j, said->state, said->epoch);
	if (said->epoch > self->epoch)
		self->epoch = said->epoch;
	if (said->flip_epoch > self->flip_epoch) {
		self->flip_epoch = said->flip_epoch;
#ifndef BUG_TIMER_NOT_ADOPTED
		self->flip_until = said->flip_until;
#endif
	}
	if (knew) {
		renegotiate = said->link_failure != before.link_failure || said->failover_flag != before.failover_flag ||
			      said->reset_count != before.reset_count ||
			      said->pingserver_failure > before.pingserver_failure;
#ifdef BUG_CLEARED_FAILURE_RENEGOTIATES
		renegotiate |= said->pingserver_failure != before.pingserver_failure;
#endif
		if (said->failover_flag && !before.failover_flag && self->failover_flag) {
			self->failover_flag = 0;
			renegotiate = 1;
		}
	}
	evaluate(i, renegotiate);
}

static int can_lose(int i, int j) { return is_up(i) && alive(i, j) && !connected(i, j); }

static void lose(int i, int j)
{
	say("m%d loses m%d\n", i, j);
	forget(i, j);
	evaluate(i, 1);
}

/* ---- time */

static int can_wake(int i) { return is_up(i) && now.member[i].wake; }

static void wake_up(int i)
{
	say("m%d: a timer has run out\n", i);
	evaluate(i, 0);
}

static int can_probe(int i)
{
	const struct Words *self = &now.member[i].words;
	int blocked = self->flip_until != 0;
#ifdef BUG_FLIP_DOES_NOT_BLOCK
	blocked = 0;
#endif
#ifdef PATH
	for (int j = 0; j < 3; ++j) /* a verdict takes longer than a role takes to go over, and the timer with it */
		if (j != i && connected(i, j) && (offers_to(i, j) || (self->offering && self->choice == j)))
			return 0;
	return is_up(i) && self->state == work &&
	       self->pingserver_failure != ((now.path_bad & bit(i)) != 0 && (!blocked || self->pingserver_failure));
#else
	return 0;
#endif
}

static void probe(int i)
{
	struct Words *self = &now.member[i].words;
	self->pingserver_failure ^= 1;
	say("m%d: ping server %s\n", i, self->pingserver_failure ? "failed" : "answers");
	if (self->pingserver_failure)
		reset_age(i);
	evaluate(i, self->pingserver_failure);
}

static int can_acquire(int i)
{
	const struct Node *self = &now.member[i];
	if (ISOLATION != ISOLATION_WITNESS || !is_up(i) || (now.witness_cut & bit(i)))
		return 0;
		/* A primary keeps it: when somebody falls silent it is too late to ask. */
	if (self->words.state != work && (self->lost || live_primary_of(i) != no_member || somebody_follows_another(i)))
		return 0;
	return (now.lease_holder == no_member || now.lease_holder == i) && self->lease < LEASE_COUNTED;
}

static void acquire(int i)
{
	say("m%d holds the lease\n", i);
	now.lease_holder = i;
	now.lease_left = LEASE_GRANTED;
	now.member[i].lease = LEASE_COUNTED;
	evaluate(i, 0);
}

/* Nothing is left to happen in this round. */
static int round_is_over(void)
{
	for (int i = 0; i < 3; ++i) {
		if (can_wake(i) || can_probe(i) || can_acquire(i) || now.member[i].unnoticed > NOTICE)
			return 0;
		for (int j = 0; j < 3; ++j)
			if (i != j && (can_deliver(i, j) || can_lose(i, j)))
				return 0;
	}
	return 1;
}

static int can_tick(void) { return round_is_over(); }
static int can_drift(int i) { return is_up(i) && now.drifted == 0 && round_is_over(); }

\#define count(field, most) do { if (m->field && m->field < (most)) ++m->field; } while (0)

/* Only the order of epochs matters: close the gaps, so that runs without end have a finite number of states. */
static void renumber_epochs(void)
{
	unsigned used = 1, place[16] = {0}, next = 0;
	for (int i = 0; i < 3; ++i) {
		used |= 1u << now.member[i].claim | 1u << now.member[i].words.epoch | 1u << now.member[i].words.flip_epoch;
		for (int j = 0; j < 3; ++j)
			used |= 1u << now.heard[3 * i + j].epoch | 1u << now.heard[3 * i + j].flip_epoch;
	}
	for (int e = 1; e <= EPOCHS; ++e)
		place[e] = used & 1u << e ? ++next : 0;
	for (int i = 0; i < 3; ++i) {
		now.member[i].claim = place[now.member[i].claim];
		now.member[i].words.epoch = place[now.member[i].words.epoch];
		now.member[i].words.flip_epoch = place[now.member[i].words.flip_epoch];
		for (int j = 0; j < 3; ++j) {
			now.heard[3 * i + j].epoch = place[now.heard[3 * i + j].epoch];
			now.heard[3 * i + j].flip_epoch = place[now.heard[3 * i + j].flip_epoch];
		}
	}
}

static void tick(int slow)
{
	at_end_of_round();
	say("-- round ends%s\n", slow == no_member ? "" : " (one clock is slow and does not count it)");
	if (slow != no_member)
		++now.drifted;
	if (now.lease_left && --now.lease_left == 0)
		now.lease_holder = no_member;
	for (int i = 0; i < 3; ++i) {
		struct Node *m = &now.member[i];
		if (!is_up(i))
			continue;
		count(unnoticed, 3);
		for (int j = 0; j < 3; ++j)
			if (now.heard[3 * i + j].flip_until)
				--now.heard[3 * i + j].flip_until;
		m->failback_due = 0;
		if (m->words.flip_until && --m->words.flip_until == 0) {
			say("m%d: the flip timer has run out\n", i);
			if (m->words.state == work)
				m->failback_due = m->wake = 1;
			else
				m->words.pingserver_failure = 0; /* force reset */
		}
		if (i == slow)
			continue;
		count(orphan, CLAIM_PATIENCE + 3);
		count(rival, 3);
		count(offer, 3);
		count(looking, 3);
		if (m->lost && ++m->lost > ISOLATION_WAIT) {
			m->lost = 0;
			m->wake = 1;
		}
		if (m->lease && --m->lease == 0)
			m->wake = 1;
		if (m->orphan > patience(i) || m->rival > CLAIM_PATIENCE || m->offer > CLAIM_PATIENCE || m->looking > HELLO_HOLDDOWN)
			m->wake = 1;
	}
	renumber_epochs();
	round_began();
}
}

c_code {
/* ---- faults, and what mends them */

static int can_crash(int i)
{
#ifdef CRASH_ONLY
	if (i != CRASH_ONLY)
		return 0;
#endif
	return is_up(i) && faults_left();
}

static void crash(int i)
{
	const unsigned boot = now.member[i].words.boot;
	say("m%d crashes\n", i);
	fault();
	now.up &= ~bit(i);
	for (int j = 0; j < 3; ++j) {
		now.session[j] &= ~bit(i);
		memset(&now.heard[3 * i + j], 0, sizeof now.heard[0]);
	}
	now.session[i] = 0;
	memset(&now.member[i], 0, sizeof now.member[i]);
	now.member[i].words.boot = boot;
}

static void boot_member(int i)
{
	struct Node *m = &now.member[i];
	m->words.state = hello;
	m->words.choice = m->successor = m->declined = no_member;
	m->looking = 1;
	m->words.link_failure = (now.monitor_bad & bit(i)) != 0;
}

static int can_restart(int i) { return !is_up(i); }

static void restart(int i)
{
	say("m%d boots\n", i);
	joined();
	now.up |= bit(i);
	now.member[i].words.boot ^= 1;
	now.member[i].words.age_origin = now.clock;
	boot_member(i);
}

static int can_fail_monitor(int i)
{
	return is_up(i) && !(now.monitor_bad & bit(i)) && faults_left();
}

static void fail_monitor(int i)
{
	say("m%d: monitored interface goes down\n", i);
	fault();
	now.monitor_bad |= bit(i);
	now.member[i].unnoticed = 1;
}

static int can_notice_monitor(int i) { return is_up(i) && now.member[i].unnoticed; }

static void notice_monitor(int i)
{
	struct Node *m = &now.member[i];
	m->unnoticed = 0;
	m->words.link_failure = (now.monitor_bad & bit(i)) != 0;
	say("m%d notices its monitored interface\n", i);
	reset_age(i);
	evaluate(i, 1);
}

static int can_recover_monitor(int i)
{
#ifdef ISOLATE /* proof that comes back before the links do is what demote cannot bound */
	if (now.cut[0] | now.cut[1] | now.cut[2])
		return 0;
#endif
	return (now.monitor_bad & bit(i)) && now.member[i].unnoticed == 0;
}

static void recover_monitor(int i)
{
	say("m%d: monitored interface comes up\n", i);
	now.monitor_bad &= ~bit(i);
	now.incumbent = no_member;
	if (!is_up(i))
		return;
	now.member[i].words.link_failure = 0;
	evaluate(i, 1);
}

static int can_fail_path(int i) { return !(now.path_bad & bit(i)) && faults_left(); }

static void fail_path(int i)
{
	say("m%d: its path to the ping server dies\n", i);
	fault();
	now.path_bad |= bit(i);
}

static int can_recover_path(int i) { return (now.path_bad & bit(i)) != 0; }

static void recover_path(int i)
{
	say("m%d: its path to the ping server recovers\n", i);
	now.path_bad &= ~bit(i);
}

static int can_cut(int i, int j) { return !(now.cut[i] & bit(j)) && faults_left(); }

static void cut_link(int i, int j)
{
	say("words of m%d no longer reach m%d\n", j, i);
	fault();
	now.cut[i] |= bit(j);
}

static int can_heal(int i, int j) { return (now.cut[i] & bit(j)) != 0; }

static void heal_link(int i, int j)
{
	say("words of m%d reach m%d again\n", j, i);
	now.incumbent = no_member;
	now.cut[i] &= ~bit(j);
}

static int can_split(int i)
{
#ifdef SPLIT_ONLY
	if (i != SPLIT_ONLY)
		return 0;
#endif
	return (now.cut[0] | now.cut[1] | now.cut[2]) == 0 && faults_left();
}

static void split(int i)
{
	say("m%d is cut off from the others\n", i);
	fault();
	for (int j = 0; j < 3; ++j)
		now.cut[j] = j == i ? 7 & ~bit(i) : bit(i);
}

/* The primary alone: first of one member, then of both. */
static int can_sever(int i, int j)
{
	return is_up(i) && now.member[i].words.state == work && (now.cut[0] | now.cut[1] | now.cut[2]) == 0 && faults_left();
}

static void sever(int i, int j)
{
	say("m%d and m%d no longer hear each other\n", i, j);
	fault();
	now.cut[i] = bit(j);
	now.cut[j] = bit(i);
}

static int can_isolate(int i)
{
	return is_up(i) && now.member[i].words.state == work && now.member[i].unnoticed == 0 && now.cut[i] != (7 & ~bit(i)) &&
	       (now.cut[0] | now.cut[1] | now.cut[2]) == (now.cut[i] ? bit(i) | now.cut[i] : 0) && faults_left();
}

static void isolate(int i)
{
	split(i);
	say("m%d: with its monitored interface\n", i);
	if (now.monitor_bad & bit(i))
		return;
	now.monitor_bad |= bit(i);
	now.member[i].unnoticed = 1;
}

static int can_heal_all(void) { return !NO_HEAL && (now.cut[0] | now.cut[1] | now.cut[2]) != 0; }

static void heal_all(void)
{
	say("all heartbeat links are back\n");
	now.incumbent = no_member;
	now.cut[0] = now.cut[1] = now.cut[2] = 0;
}

static int can_set_failover(int i) { return is_up(i) && !now.member[i].words.failover_flag && faults_left(); }

static void set_failover(int i)
{
	say("m%d: execute ha failover set\n", i);
	fault();
	now.member[i].words.failover_flag = 1;
	evaluate(i, 1);
}

static int can_unset_failover(int i) { return is_up(i) && now.member[i].words.failover_flag; }

static void unset_failover(int i)
{
	say("m%d: execute ha failover unset\n", i);
	now.incumbent = no_member;
	now.member[i].words.failover_flag = 0;
	evaluate(i, 1);
}

static int can_jitter(void) { return faults_left(); }

static void jitter(void)
{
	++now.faults;
	now.edge = !now.edge;
	say("-- a difference at the edge of the margin is now %s\n", now.edge ? "beyond it" : "within it");
}

static int can_cut_witness(int i) { return !(now.witness_cut & bit(i)) && faults_left(); }

static void cut_witness(int i)
{
	say("m%d no longer reaches the witness\n", i);
	fault();
	now.witness_cut |= bit(i);
}

static int can_heal_witness(int i) { return (now.witness_cut & bit(i)) != 0; }

static void heal_witness(int i)
{
	say("m%d reaches the witness again\n", i);
	now.witness_cut &= ~bit(i);
}
}

c_code {
/* ---- how it begins */

static void boot_all(void)
{
	now.clock = AGES;
	for (int i = 0; i < 3; ++i)
		boot_member(i);
}

static void fill_in(int i)
{
	for (int j = 0; j < 3; ++j)
		if (j != i)
			now.heard[3 * i + j] = now.member[j].words;
}

/* A cluster at rest under primary p. */
static void form(int p)
{
	now.clock = AGES;
	for (int i = 0; i < 3; ++i) {
		struct Node *m = &now.member[i];
		boot_member(i);
		m->looking = 0;
		m->words.state = i == p ? work : standby;
		m->words.epoch = 1;
		m->words.choice = p;
		m->claim = i == p;
		m->words.hears = m->known = 7 & ~bit(i);
		now.session[i] = 7 & ~bit(i);
	}
	for (int i = 0; i < 3; ++i)
		fill_in(i);
	say("a cluster at rest: primary m%d, priorities %d %d %d, age origins %d %d %d\n", p, now.device_priority[0],
	    now.device_priority[1], now.device_priority[2], now.member[0].words.age_origin, now.member[1].words.age_origin,
	    now.member[2].words.age_origin);
}

/* With override the primary is the elected one; without it anybody may have come to be. */
static int may_have_formed(int p)
{
#ifdef PRIMARY
	if (p != PRIMARY)
		return 0;
#endif
	if (OVERRIDE == 0)
		return 1;
	for (int i = 0; i < 3; ++i) {
		now.member[i].words.hears = 7 & ~bit(i);
		now.member[i].words.state = standby;
	}
	for (int i = 0; i < 3; ++i)
		fill_in(i);
	return elect(p, 7, 0) == p;
}
}
