// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sandbox/capabilities.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace systole::control {

namespace {

constexpr auto owned = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED);

bool have(unsigned capability)
{
	return capng_have_capability(CAPNG_PERMITTED, capability) != 0;
}

std::string name_of(unsigned capability)
{
	const char *const name = capng_capability_to_name(capability);
	std::string text = name != nullptr ? name : std::to_string(capability);
	std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
	return text;
}

} // namespace

std::vector<unsigned> daemon_capabilities(bool xdp)
{
	std::vector<unsigned> kept{CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_SYS_NICE};
	if (xdp)
		kept.push_back(CAP_SYS_ADMIN); // BPF_PROG_GET_FD_BY_ID is not content with CAP_BPF
	return kept;
}

std::vector<unsigned> keeper_capabilities()
{
	return {CAP_NET_ADMIN};
}

std::vector<unsigned> missing_capabilities(std::span<const unsigned> wanted)
{
	std::vector<unsigned> missing;
	if (capng_get_caps_process() != 0)
		return missing;
	for (const unsigned capability : wanted)
		if (capability != CAP_IPC_LOCK && capability != CAP_SYS_NICE && !have(capability))
			missing.push_back(capability);
	return missing;
}

bool keep_only_capabilities(std::span<const unsigned> wanted, std::string &error)
{
	if (capng_get_caps_process() != 0) {
		error = "the capabilities of this process cannot be read";
		return false;
	}
	std::vector<unsigned> kept;
	std::ranges::copy_if(wanted, std::back_inserter(kept), have);
	const bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	capng_clear(CAPNG_SELECT_BOTH);
	for (const unsigned capability : kept)
		(void)capng_update(CAPNG_ADD, static_cast<capng_type_t>(owned | CAPNG_BOUNDING_SET), capability);
	// The bounding set first: it takes a capability that is given away with the rest.
	if ((may_bound && capng_apply(CAPNG_SELECT_BOUNDS) != 0) || capng_apply(CAPNG_SELECT_CAPS) != 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) != 0) {
		error = std::string("capabilities cannot be given away: ") + std::strerror(errno);
		return false;
	}
	return true;
}

std::string capabilities_text()
{
	if (capng_get_caps_process() != 0)
		return "unknown";
	std::vector<unsigned> all;
	for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability)
		if (capng_have_capability(CAPNG_EFFECTIVE, capability) != 0)
			all.push_back(capability);
	return capabilities_text(all);
}

std::string capabilities_text(std::span<const unsigned> capabilities)
{
	std::string text;
	for (const unsigned capability : capabilities)
		text.append(text.empty() ? "" : " ").append(name_of(capability));
	return text.empty() ? "none" : text;
}

} // namespace systole::control
