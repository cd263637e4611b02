"""The libtorrent contender's process: seeds one torrent, or gets it and goes on serving it.

    libtorrent_peer.py seed|get TORRENT FOLDER ADDRESS [DONE-LINK]

A getter hard-links the finished file to DONE-LINK, which tells the benchmark that it is there. TCP only, no
discovery beside the tracker, announces every two seconds until it has the file: what suits one machine room.
Runs until it is ended. Needs Debian's python3-libtorrent.
"""

import os
import sys
import time

import libtorrent

ANNOUNCE_SECONDS = 2

mode, torrent_path, folder, address = sys.argv[1:5]
info = libtorrent.torrent_info(torrent_path)
session = libtorrent.session(
    {
        "listen_interfaces": f"{address}:6881",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "mixed_mode_algorithm": 0,
        "allow_multiple_connections_per_ip": True,
        "unchoke_slots_limit": 16,
        "active_seeds": 10,
        "min_announce_interval": ANNOUNCE_SECONDS,
        "announce_to_all_trackers": True,
        "alert_mask": libtorrent.alert.category_t.status_notification,
    }
)
flags = libtorrent.torrent_flags.seed_mode if mode == "seed" else libtorrent.torrent_flags.update_subscribe
torrent = session.add_torrent({"ti": info, "save_path": folder, "flags": flags})
torrent.resume()

finished = mode == "seed"
announced_at = 0.0
while True:
    session.wait_for_alert(int(ANNOUNCE_SECONDS * 1000))
    for alert in session.pop_alerts():
        if isinstance(alert, libtorrent.torrent_finished_alert) and not finished:
            finished = True
            os.link(os.path.join(folder, info.name()), sys.argv[5])
    if not finished and time.monotonic() - announced_at >= ANNOUNCE_SECONDS:
        announced_at = time.monotonic()
        torrent.force_reannounce(0, -1, libtorrent.reannounce_flags_t.ignore_min_interval)
