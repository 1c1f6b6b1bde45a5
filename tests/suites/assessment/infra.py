"""The unit and the nginx site that the assessment proposes, word by word (section 4.2), and what becomes of them."""

from __future__ import annotations

from typing import Final

UNIT: Final = """[Unit]
Description=MCP Hub Service
After=network.target

[Service]
Type=simple
User=mcp-hub
WorkingDirectory=/opt/mcp-hub
Environment="NODE_ENV=production"
EnvironmentFile=/opt/mcp-hub/.env.production
ExecStart=/usr/local/bin/bun start
Restart=always
RestartSec=10
StandardOutput=journal
StandardError=journal

[Install]
WantedBy=multi-user.target
"""
SITE: Final = """upstream mcp_hub {
    server 127.0.0.1:7000;
}

server {
    listen 443 ssl http2;
    server_name mcp-hub.example.com;

    ssl_certificate /etc/letsencrypt/live/mcp-hub.example.com/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/mcp-hub.example.com/privkey.pem;

    # Rate limiting
    limit_req_zone $binary_remote_addr zone=mcp_hub_limit:10m rate=10r/s;
    limit_req zone=mcp_hub_limit burst=20 nodelay;

    location / {
        proxy_pass http://mcp_hub;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection 'upgrade';
        proxy_set_header Host $host;
        proxy_cache_bypass $http_upgrade;
    }
}
"""
ZONE: Final = "    limit_req_zone $binary_remote_addr zone=mcp_hub_limit:10m rate=10r/s;\n"


def zone_in_http() -> str:
    """The site with its one mistake mended that keeps nginx from starting: the zone stands in `http`."""
    assert ZONE in SITE
    return ZONE.strip() + "\n\n" + SITE.replace(ZONE, "")
