// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Somebody on the heartbeat links who hears and stores everything, also what a cut has held back, and sends what he
// likes: anything recorded, at any later time and to anybody, and clear handshake messages of his own in any name.
// He does not know the password. He is slow enough not to exhaust the guess budget; a flood is the subject of
// docs/SECURITY.md.
#pragma once

#include "control/core/message.h"
#include "tests/sim/packet.h"
#include "tests/sim/random.h"

namespace systole::sim {

class World;

class Attacker {
public:
	Attacker(World &world, Random random) : m_world(world), m_random(random) {}
	void strike();

private:
	void replay();
	void forge_hello();
	void forge_ke1();
	void forge_ke2();
	void send(std::size_t to, core::LinkIndex link, const core::HakeBytes &message);

	World &m_world;
	Random m_random;
};

} // namespace systole::sim
