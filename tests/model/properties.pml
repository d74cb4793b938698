// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What must hold. A violated property is named in `broken`; an assertion after each event stops the search. What must
// come true in the end is a formula over `settled`, `ranked` and `primary_is`.

#define fine 0
#define two_primaries_hear_each_other 1
#define joiner_displaced_the_primary 2
#define role_moved_by_ping_under_the_timer 3
#define role_moved_without_ping_failure 4
#define two_acting_primaries 5
#define epoch_is_not_the_highest 6
#define too_many_claims 7
#define claimed_before_the_winner 8
#define claimed_over_a_followed_primary 9
#define given_away_before_the_claim 10
#define claimed_unasked 11

c_code {
static const char *const property_names[] = {"fine", "two_primaries_hear_each_other", "joiner_displaced_the_primary",
	"role_moved_by_ping_under_the_timer", "role_moved_without_ping_failure", "two_acting_primaries",
	"epoch_is_not_the_highest", "too_many_claims", "claimed_before_the_winner", "claimed_over_a_followed_primary", "given_away_before_the_claim",
	"claimed_unasked"};

static void violated(int property)
{
	now.broken = property;
	say("VIOLATED: %s\n", property_names[property]);
}

static int both_ways(int i, int j) { return connected(i, j) && connected(j, i); }
static int acting(int i) { return is_up(i) && now.member[i].words.state == work; }

/* All heartbeat links and the proof of life: who still has either is not bounded by demote. */
static int lost_everything(int i) { return (now.monitor_bad & bit(i)) && (now.cut[i] | bit(i)) == 7; }

/* ---- called by node.pml and world.pml */

static void claimed(int i, int epoch)
{
	if (epoch >= EPOCHS)
		violated(too_many_claims);
	for (int j = 0; j < 3; ++j)
		if (alive(i, j) && words_of(i, j)->epoch >= epoch)
			violated(epoch_is_not_the_highest);
	/* Of a primary it hears only if that one has offered it. */
	const struct Node *self = &now.member[i];
	const int primary = live_primary_of(i);
	if (primary != no_member && !offers_to(i, primary))
		violated(claimed_unasked);
	/* Not the winner, and not out of patience. */
	if (primary == no_member && self->words.state == standby && elect(i, mask_of_candidates(i, 0), 0) != i && self->orphan <= patience(i))
		violated(claimed_before_the_winner);
	/* Somebody we hear follows a primary that acts, and that we do not hear. */
	for (int j = 0; j < 3; ++j)
		for (int other = 0; other < 3; ++other)
			if (self->words.state == standby && other != i && !alive(i, other) && acting(other) &&
			    connected(i, j) && standby_that_names(i, j, other))
				violated(claimed_over_a_followed_primary);
#ifdef NEVER_TWO /* a role that is handed over aside: until its predecessor knows, both act */
	for (int j = 0; j < 3; ++j)
		if (j != i && acting(j) && primary == no_member && (ISOLATION != ISOLATION_DEMOTE || lost_everything(i) || lost_everything(j)))
			violated(two_acting_primaries);
#endif
}

/* A primary gives the role up for a better member. */
static void yielded(int by_ping, int at_expiry)
{
	if (by_ping && now.flip_guard)
		violated(role_moved_by_ping_under_the_timer);
#ifdef ONLY_PING
	if (!by_ping && !OVERRIDE)
		violated(role_moved_without_ping_failure);
#endif
	(void)at_expiry;
}

/* Anyhow: never as the incumbent of a settled cluster that somebody joins. */
static void gave_up(int i)
{
	if (i == now.incumbent)
		violated(joiner_displaced_the_primary);
}

/* As planned: whoever is to have the role has it by then. */
static void given_away(int successor)
{
	if (HAS_OFFERS && !acting(successor))
		violated(given_away_before_the_claim);
}

static void flip_started(void)
{
#ifdef PATH
	now.flip_guard = FLIP_TIMEOUT;
#endif
}

static void joined(void)
{
	now.incumbent = no_member;
	if (OVERRIDE || !now.settled || !round_is_over())
		return;
	for (int i = 0; i < 3; ++i)
		if (acting(i))
			now.incumbent = i;
}

/* Every word has arrived, everything has been noticed. */
static void at_end_of_round(void)
{
	for (int i = 0; i < 3; ++i)
		for (int j = 0; j < 3; ++j) {
			if (i == j || !both_ways(i, j) || !acting(i))
				continue;
			if (acting(j) && now.member[i].rival >= RIVAL_ROUNDS)
				violated(two_primaries_hear_each_other);
			if (now.member[j].words.epoch > now.member[i].words.epoch)
				violated(epoch_is_not_the_highest);
		}
}

static void round_began(void)
{
	if (now.flip_guard)
		--now.flip_guard;
}

/* ---- after each event */

/* Members that hear each other both ways, if "hear each other" parts the members into groups; else 0. */
static int parted(unsigned group[3])
{
	for (int i = 0; i < 3; ++i) {
		group[i] = is_up(i) ? bit(i) : 0;
		for (int j = 0; j < 3; ++j) {
			if (i == j)
				continue;
			if (connected(i, j) != connected(j, i))
				return 0;
			if (connected(i, j))
				group[i] |= bit(j);
		}
	}
	for (int i = 0; i < 3; ++i)
		for (int j = 0; j < 3; ++j)
			if (group[i] & bit(j) && group[i] != group[j])
				return 0;
	return 1;
}

/* One primary in each group, and all of the group name it. */
static int is_settled(void)
{
	unsigned group[3];
	if (!parted(group))
		return 1;
	/* Who is alone may be bound to wait: for its proof of life, for the lease. */
	if (ISOLATION != ISOLATION_FGCP && (group[0] != 7 || group[1] != 7))
		return 1;
	for (int i = 0; i < 3; ++i) {
		int primaries = 0;
		if (!group[i])
			continue;
		for (int j = 0; j < 3; ++j)
			primaries += (group[i] & bit(j)) != 0 && acting(j);
		if (primaries != 1 || !acting(now.member[i].words.choice))
			return 0;
		if (!(group[i] & bit(now.member[i].words.choice)))
			return 0;
	}
	return 1;
}

/* Override on: of each group's members with the least failures the primary has the highest priority. */
static int is_ranked(void)
{
	unsigned group[3];
	if (!parted(group))
		return 1;
	for (int i = 0; i < 3; ++i)
		for (int j = 0; j < 3; ++j) {
			const struct Words *primary = &now.member[i].words, *other = &now.member[j].words;
			if (!acting(i) || !(group[i] & bit(j)) || i == j || !(OVERRIDE & group[i]))
				continue;
			if (primary->failover_flag != other->failover_flag ? primary->failover_flag
				: failure_sum(primary) != failure_sum(other) ? failure_sum(primary) > failure_sum(other)
				: now.device_priority[i] < now.device_priority[j])
				return 0;
		}
	return 1;
}

static void observe(void)
{
	now.settled = is_settled();
	now.ranked = now.settled && is_ranked();
	now.deaf_rival = 0;
	for (int i = 0; i < 3; ++i) {
		now.primary_is[i] = acting(i);
		for (int j = 0; j < 3; ++j)
			now.deaf_rival |= i != j && acting(i) && acting(j) && connected(i, j) && !connected(j, i);
	}
}
}

/* Faults end (BUDGET), so every run without end must come to rest. */
ltl settles { <> [] settled }
ltl highest_rules { <> [] ranked }
/* Remote link failover, override on m0, which has the highest priority: the role comes back to it whether or not its path
   works, and leaves it again as long as only the paths of others work. */
ltl fails_back { [] <> primary_is[0] }
ltl flips_and_flaps { (<> [] (path_bad == 1)) -> ([] <> !primary_is[0]) }
/* Two primaries of which only one hears the other do not stay so. */
ltl no_deaf_rival { [] <> !deaf_rival }
/* While two paths or more are dead, the role may go round for ever: each round of the timer clears one failure. */
ltl settles_on_a_path { (<> [] (path_bad == 0 || path_bad == 1 || path_bad == 2 || path_bad == 4)) -> (<> [] settled) }
