// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a member decides: elect() of control/core/election.cc, and Vcluster::evaluate_hello(), evaluate_standby(),
// evaluate_primary(), become_primary(), become_standby() of control/core/vcluster_election.cc, hand_over() and what follows
// from it of vcluster_hand_over.cc, in C and in their order.
// BUG_... puts a wrong rule in, for tests/model/check to see it found.

c_code {
\#define bit(i) (1u << (i))
\#include <stdarg.h>

/* A trail is told in words; a search is silent. */
static void say(const char *format, ...)
{
	extern int readtrail;
	va_list arguments;
	if (!readtrail)
		return;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
}

static int mask_of_candidates(int i, int everybody);
/* properties.pml */
static void claimed(int i, int epoch);
static void yielded(int by_ping, int at_expiry);
static void flip_started(void);
static void gave_up(int i);
static void given_away(int successor);
static int round_is_over(void);
static void at_end_of_round(void);
static void round_began(void);
static void joined(void);
static void observe(void);
static int patience(int i);

static int is_up(int i) { return (now.up & bit(i)) != 0; }
static int alive(int i, int j) { return (now.member[i].words.hears & bit(j)) != 0; }
static int connected(int i, int j) { return is_up(i) && is_up(j) && !(now.cut[i] & bit(j)); } /* j reaches i */
static struct Words *words_of(int i, int j) { return i == j ? &now.member[i].words : &now.heard[3 * i + j]; }
static int same_words(const struct Words *a, const struct Words *b) { return memcmp(a, b, sizeof *a) == 0; }
static int failure_sum(const struct Words *words) { return 50 * words->link_failure + 5 * words->pingserver_failure; }

/* Whether the link to j is judged up (it echoes our beats), or j says that it hears us. */
static int hears_us(int i, int j) { return connected(j, i) || (words_of(i, j)->hears & bit(i)) != 0; }
}

c_code {
enum Rule { only_member, failover_flag, failure, uptime, by_priority, serial, live_primary, tie_break, isolated, handed_over };
static const char *const rule_names[] = {"only_member", "failover_flag", "failure_sum", "uptime", "priority", "serial",
	"live_primary", "tie_break", "isolated", "handed_over"};
static int decided_by; /* Decision::rule of the last elect() */

static int override_in_force(int i)
{
	for (int j = 0; j < 3; ++j)
		if ((i == j || alive(i, j)) && (OVERRIDE & bit(j)))
			return 1;
	return 0;
}

/* How far a is behind the best by this rule; above 0 it is dropped. */
static int behind(const struct Words *a, const struct Words *best, int rule, int j, int top, int hysteresis)
{
	const int younger = (int)a->age_origin - (int)best->age_origin - MARGIN;
	switch (rule) {
	case failover_flag: return (int)a->failover_flag - (int)best->failover_flag;
	case failure: return failure_sum(a) - failure_sum(best);
#ifdef EDGE
	case uptime: return younger - hysteresis > 1 || (younger - hysteresis == 1 && now.edge);
#else
	case uptime: return younger;
#endif
	case by_priority: return (int)now.device_priority[top] - (int)now.device_priority[j];
	default: return top - j;
	}
}

static int better(const struct Words *a, const struct Words *b, int rule, int j, int other)
{
	switch (rule) {
	case failover_flag: return a->failover_flag < b->failover_flag;
	case failure: return failure_sum(a) < failure_sum(b);
	case uptime: return a->age_origin < b->age_origin;
	case by_priority: return now.device_priority[j] > now.device_priority[other];
	default: return j > other;
	}
}

/* The winner among the members of the mask, as i sees them. */
static int elect(int i, unsigned left, int hysteresis)
{
	static const int plain[] = {failover_flag, failure, uptime, by_priority, serial};
	static const int with_override[] = {failover_flag, failure, by_priority, uptime, serial};
	decided_by = only_member;
	for (int place = 0; place < 5 && (left & (left - 1)); ++place) {
		const int rule = (override_in_force(i) ? with_override : plain)[place];
		int top = -1;
		for (int j = 0; j < 3; ++j)
			if ((left & bit(j)) && (top < 0 || better(words_of(i, j), words_of(i, top), rule, j, top)))
				top = j;
		for (int j = 0; j < 3; ++j)
			if ((left & bit(j)) && behind(words_of(i, j), words_of(i, top), rule, j, top, hysteresis) > 0)
				left &= ~bit(j);
		decided_by = rule;
	}
	return left & 1 ? 0 : left & 2 ? 1 : 2;
}

/* Vcluster::candidates() */
static int mask_of_candidates(int i, int everybody)
{
	unsigned mask = bit(i);
	for (int j = 0; j < 3; ++j)
		if (j != i && alive(i, j) && (everybody || words_of(i, j)->state != hello))
			mask |= bit(j);
	return mask;
}
}

c_code {
static int live_primary_of(int i)
{
	int best = no_member;
	for (int j = 0; j < 3; ++j)
		if (j != i && alive(i, j) && words_of(i, j)->state == work &&
		    (best == no_member || words_of(i, j)->epoch >= words_of(i, best)->epoch))
			best = j;
	return best;
}

static int standby_that_names(int i, int j, int other)
{
	return j != i && alive(i, j) && words_of(i, j)->state == standby && words_of(i, j)->choice == other;
}

/* Not if whom it follows is alive for us too, and waits for us. */
static int somebody_follows_another(int i)
{
	for (int j = 0; j < 3; ++j)
		for (int other = 0; other < 3; ++other)
			if (other != i && standby_that_names(i, j, other) && !standby_that_names(i, other, i))
				return 1;
	return 0;
}

/* ... and we do not hear whom it follows. */
static int somebody_follows_unheard(int i)
{
	for (int j = 0; j < 3; ++j)
		for (int other = 0; other < 3; ++other)
			if (other != i && standby_that_names(i, j, other) && !alive(i, other))
				return 1;
	return 0;
}

static int somebody_is_healthier(int i)
{
	const struct Words *self = words_of(i, i);
	for (int j = 0; j < 3; ++j) {
		const struct Words *other = words_of(i, j);
		if (j == i || !(mask_of_candidates(i, 0) & bit(j)))
			continue;
		if (other->failover_flag != self->failover_flag ? self->failover_flag
								 : failure_sum(other) < failure_sum(self))
			return 1;
	}
	return 0;
}

/* Members that hear us, as far as we know. */
static unsigned listeners(int i)
{
	unsigned mask = 0;
	for (int j = 0; j < 3; ++j)
		if (j != i && alive(i, j) && hears_us(i, j))
			mask |= bit(j);
	return mask;
}

/* demote: nobody hears us, and our own proof of life is bad. */
static int without_proof(int i)
{
	const struct Words *self = words_of(i, i);
	return ISOLATION == ISOLATION_DEMOTE && listeners(i) == 0 &&
	       (self->link_failure || self->pingserver_failure);
}

/* witness: somebody may be primary where we are not heard. */
static int needs_lease(int i) { return ISOLATION == ISOLATION_WITNESS && listeners(i) != (7 & ~bit(i)); }

static int may_claim(int i)
{
	const struct Node *self = &now.member[i];
	if (self->lost)
		return 0;
#ifdef BUG_LEASE_ONLY_IF_UNHEARD
	if (needs_lease(i) && self->lease == 0)
		return 0;
#elif !defined BUG_CLAIM_WITHOUT_LEASE
	if (ISOLATION == ISOLATION_WITNESS && self->lease == 0) /* two that hear each other may claim at once */
		return 0;
#endif
	return !without_proof(i);
}

/* demote, witness: no claim before isolation_wait has passed once more. */
static void wait_anew(int i) { now.member[i].lost = ISOLATION_WAIT != 0; }

static void release_lease(int i)
{
	now.member[i].lease = 0;
	if (now.lease_holder == i && !(now.witness_cut & bit(i))) {
		now.lease_holder = no_member;
		now.lease_left = 0;
	}
}
}

c_code {
static void become_primary(int i, int rule)
{
	struct Node *self = &now.member[i];
#ifdef BUG_REPEAT_EPOCH
	const int epoch = self->words.epoch;
#else
	const int epoch = self->words.epoch + 1;
#endif
	say("    m%d becomes primary, epoch %d (%s)\n", i, epoch, rule_names[rule]);
	claimed(i, epoch);
	self->words.state = work;
	self->words.choice = i;
	self->words.epoch = epoch;
	self->words.pingserver_failure = 0; /* probing begins anew */
	self->claim = epoch;
	self->orphan = self->rival = self->looking = self->failback_due = 0;
	self->successor = self->declined = no_member;
}

/* The offer has come to an end, or there was none. */
static void end_offer(int i)
{
	struct Node *self = &now.member[i];
	self->words.offering = 0;
	self->offer = self->offer_by_ping = self->offer_at_expiry = self->again = 0;
	if (self->words.state == work)
		self->words.choice = i;
}

static void become_standby(int i, int choice, int rule)
{
	struct Node *self = &now.member[i];
	say("    m%d becomes standby, %s m%d (%s)\n", i, choice == no_member ? "follows nobody, not even" : "follows",
	    choice == no_member ? i : choice, rule_names[rule]);
	if (self->words.state == work)
		gave_up(i);
	end_offer(i);
	self->claim = 0;
	self->words.state = standby;
	self->words.choice = choice;
	self->successor = choice;
	self->declined = no_member;
	self->orphan = 1;
	self->rival = self->looking = self->failback_due = 0;
	release_lease(i);
}

/* Of the claim after this one. */
static void start_flip_timer(int i, int claim)
{
	say("    m%d starts the flip timer\n", i);
	now.member[i].words.flip_epoch = claim + 1;
	now.member[i].words.flip_until = FLIP_TIMEOUT;
	flip_started();
}

/* Make before break: j has the role from here on when it has claimed. */
static void offer(int i, int j, int by_ping, int at_expiry, int rule)
{
	struct Node *self = &now.member[i];
	say("    m%d offers the role to m%d (%s)\n", i, j, rule_names[rule]);
	self->words.offering = 1;
	self->words.choice = j;
	self->offer = 1;
	self->offer_by_ping = by_ping;
	self->offer_at_expiry = at_expiry;
	self->again = 0;
}

static int takes_our_offer(int i, int j)
{
	const struct Node *self = &now.member[i];
	const struct Words *other = words_of(i, j);
	return self->words.offering && self->words.choice == j && alive(i, j) && other->state == work &&
	       other->epoch > self->claim;
}

static int offers_to(int i, int j) /* j to i */
{
	const struct Words *other = words_of(i, j);
	return alive(i, j) && other->state == work && other->offering && other->choice == i;
}

static void give_way(int i, int j)
{
	const int starts_timer = now.member[i].offer_by_ping || now.member[i].offer_at_expiry;
	const int claim = now.member[i].claim;
	given_away(j);
	become_standby(i, j, handed_over);
	now.member[i].successor = no_member; /* at work: need not claim */
	if (starts_timer)
		start_flip_timer(i, claim);
}

static int other_is_healthier(int i, int j)
{
	const struct Words *self = words_of(i, i), *other = words_of(i, j);
	return other->failover_flag != self->failover_flag ? self->failover_flag
							   : failure_sum(other) < failure_sum(self);
}

static int may_accept(int i, int j)
{
	for (int k = 0; k < 3; ++k) /* where there are two, the other has offered nothing */
		if (k != i && k != j && alive(i, k) && words_of(i, k)->state == work)
			return 0;
#ifdef BUG_TAKES_ANY_OFFER
	return alive(i, j) && words_of(i, j)->state == work && words_of(i, j)->offering;
#endif
	return offers_to(i, j) && hears_us(i, j) && (words_of(i, j)->failover_flag || !other_is_healthier(i, j));
}

static void evaluate_hello(int i)
{
	struct Node *self = &now.member[i];
	const int primary = live_primary_of(i);
	if (primary != no_member) {
		become_standby(i, primary, live_primary);
		return;
	}
	int formed = 0;
	for (int j = 0; j < 3; ++j)
		if (j != i && alive(i, j) && words_of(i, j)->state == standby && words_of(i, j)->epoch == 0)
			formed = 1;
	if (self->words.hears != (7 & ~bit(i)) && !formed && self->looking <= HELLO_HOLDDOWN)
		return; /* expected_members is 3 */
	const int winner = elect(i, mask_of_candidates(i, 1), 0);
	const int rule = decided_by;
	if (winner == i && !somebody_follows_another(i)) {
		if (may_claim(i))
			become_primary(i, rule);
	} else {
		become_standby(i, winner, rule);
	}
}

static int patience(int i)
{
	int above = 0;
	for (int j = i + 1; j < 3; ++j)
		if (mask_of_candidates(i, 0) & bit(j))
			++above;
	return CLAIM_PATIENCE + above;
}

static void evaluate_standby(int i)
{
	struct Node *self = &now.member[i];
	const int primary = live_primary_of(i);
	if (primary != no_member) {
		self->orphan = 0;
		self->successor = no_member;
		self->words.choice = primary;
		if (may_accept(i, primary) && may_claim(i))
			become_primary(i, handed_over);
		return;
	}
	if (self->orphan == 0)
		self->orphan = 1;
	const int impatient = self->orphan > patience(i);
	if (self->successor != no_member && (!alive(i, self->successor) || impatient))
		self->successor = no_member;
	self->words.choice = self->successor;
	const int followed = somebody_follows_another(i);
#ifdef BUG_CLAIM_OVER_FOLLOWER
	if (self->successor != no_member)
		return;
#else
	if (self->successor != no_member || followed)
		return;
#endif
	const int winner = elect(i, mask_of_candidates(i, 0), 0);
	int rule = decided_by;
	if (winner != i) {
#ifndef BUG_CLAIM_WITHOUT_WAITING
		if (!impatient) { /* said, so that whoever waits for us knows whom we wait for */
			self->successor = self->words.choice = winner;
			return;
		}
#endif
		rule = tie_break;
	}
	if (!may_claim(i))
		return;
	become_primary(i, rule);
	if (rule == tie_break)
		self->declined = elect(i, mask_of_candidates(i, 0), 1);
}

static void evaluate_primary(int i, int renegotiate)
{
	struct Node *self = &now.member[i];
	unsigned rivals = bit(i);
	int predecessor = 0;
	self->again |= renegotiate && self->words.offering;
	if (without_proof(i) || (needs_lease(i) && self->lease == 0)) {
		become_standby(i, no_member, isolated);
		wait_anew(i);
		return;
	}
	for (int j = 0; j < 3; ++j) {
		if (j == i || !alive(i, j) || words_of(i, j)->state != work)
			continue;
		if (takes_our_offer(i, j)) {
			give_way(i, j);
			return;
		}
		if (offers_to(i, j)) {
			predecessor = 1;
			continue;
		}
#ifndef BUG_KEEP_ROLE_UNHEARD
		if (!hears_us(i, j)) {
			become_standby(i, j, live_primary);
			return;
		}
#endif
		rivals |= bit(j);
	}
	if (rivals & (rivals - 1)) {
		if (self->rival == 0)
			self->rival = 1;
#ifdef BUG_NEVER_YIELD
		return;
#endif
		int winner = elect(i, rivals, 0);
		int rule = decided_by;
		if (winner == i) {
			const int highest = rivals & 4 ? 2 : 1;
			if (self->rival <= CLAIM_PATIENCE || highest == i)
				return;
			rule = tie_break;
			winner = highest;
		}
		become_standby(i, winner, rule);
		return;
	}
	self->rival = 0;
	if (predecessor)
		return;
	if (self->words.offering) {
		const int successor = self->words.choice;
		const int lost = !alive(i, successor);
		if (!lost && self->offer <= CLAIM_PATIENCE)
			return;
		say("    m%d withdraws its offer to m%d\n", i, successor);
		renegotiate |= self->again;
		end_offer(i);
		if (!lost)
			self->declined = successor;
	}
	const unsigned list = mask_of_candidates(i, 0);
	if (list == bit(i))
		return;
#ifndef BUG_JOINER_DISPLACES
	if (!override_in_force(i) && !renegotiate && !somebody_is_healthier(i))
		return;
#endif
	if (renegotiate)
		self->declined = no_member;
#ifndef BUG_DECLINED_FOR_EVER
	if (self->declined != no_member && alive(i, self->declined) && words_of(i, self->declined)->choice == i)
		self->declined = no_member; /* it follows us: what kept it from claiming is over */
#endif
	const int winner = elect(i, list, 1);
	if (winner == i || winner == self->declined)
		return;
	const int rule = decided_by;
	/* Not by Decision::rule: of three, two may be healthier, and what decides between them is another rule. */
	const struct Words *other = words_of(i, winner);
	const int by_ping = failure_sum(other) < failure_sum(&self->words) &&
			    other->link_failure >= self->words.link_failure;
	const int at_expiry = self->failback_due && failure_sum(other) == failure_sum(&self->words);
	yielded(by_ping, at_expiry);
#ifdef BUG_BREAKS_BEFORE_IT_MAKES
	given_away(winner);
#else
	if (HAS_OFFERS) {
		offer(i, winner, by_ping, at_expiry, rule);
		return;
	}
#endif
	if (by_ping || at_expiry)
		start_flip_timer(i, self->words.epoch);
	become_standby(i, winner, rule);
}

static void evaluate(int i, int renegotiate)
{
	now.member[i].wake = 0;
	switch (now.member[i].words.state) {
	case hello: evaluate_hello(i); break;
	case standby: evaluate_standby(i); break;
	case work: evaluate_primary(i, renegotiate); break;
	}
}

static void reset_age(int i)
{
	now.member[i].words.age_origin = now.clock;
	now.member[i].words.reset_count ^= 1;
}
}
