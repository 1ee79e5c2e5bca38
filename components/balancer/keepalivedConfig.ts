import { writtenBy } from "../host/writtenBy.ts";

/** keepalived's settings for the address that load balancers share. */
export interface KeepalivedConfig {
  /** Name of the host. */
  hostName: string;
  /** The virtual address. */
  virtualAddress: string;
  /** The host's own address, which its peers know it by. */
  ownAddress: string;
  /** The peers' addresses. */
  peerAddresses: readonly string[];
  /** Path of the program that asks HAProxy, `scripts/balancerCheck.sh`. */
  checkPath: string;
  /** Command that the host runs when it takes the address. Default: none. */
  notify?: string | undefined;
}

/**
 * `keepalived.conf` without its first line, which names the interface and which only the host can know.
 *
 * Every load balancer begins as a backup with the same priority, so that none takes the address from another that is as
 * well off: this is "no preemption" that still lets a load balancer with a ready server take over from one without. With
 * the keyword `nopreempt` it could not, and a load balancer that lost its servers would have to give the address up even
 * when no other has any, which costs a second when they are back.
 *
 * The times were measured on real hosts: three missed advertisements, 0.3 s apart, show a power cut within a second.
 */
export function renderKeepalivedConfig(config: KeepalivedConfig): string {
  const bits = config.virtualAddress.includes(":") ? 128 : 32;
  return `# ${writtenBy}
global_defs {
  router_id ${config.hostName}
  # Version 3 counts in hundredths of seconds, and has no passwords: the firewall lets VRRP in from the peers alone.
  vrrp_version 3
  vrrp_garp_master_refresh 10
  # As root, but only from where nobody else can write.
  enable_script_security
  script_user root
}

# Without it this host cannot hold the address.
vrrp_script haproxy_answers {
  script "${config.checkPath} answers"
  interval 1
  timeout 2
  fall 1
  rise 2
  init_fail
}

# Without it a host that has it is preferred. HAProxy itself has counted failures before it takes a server out.
vrrp_script server_ready {
  script "${config.checkPath} ready"
  interval 1
  timeout 2
  fall 2
  rise 1
  weight -50
}

vrrp_instance kubernetes_api {
  state BACKUP
  priority 200
  interface $INTERFACE
  virtual_router_id 51
  advert_int 0.3
  check_unicast_src
  unicast_src_ip ${config.ownAddress}
  unicast_peer {
${config.peerAddresses.map((address) => `    ${address}\n`).join("")}  }
  virtual_ipaddress {
    ${config.virtualAddress}/${bits} dev $INTERFACE
  }
  track_script {
    haproxy_answers
    server_ready
  }
${config.notify === undefined ? "" : `  notify_master "${config.notify}"\n`}}
`;
}
