/**
 * Connections that one K3s server may hold unless the configuration says otherwise: kine keeps up to 20 idle ones and opens
 * more without a limit of its own, so the servers are given one (KINE_DATASTORE_MAX_OPEN_CONNECTIONS).
 */
export const standardConnectionsPerServer = 60;
