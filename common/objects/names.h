/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - the keys and names that zen-lead shares with its users, each in one place.
 */
#ifndef ZL_OBJECTS_NAMES_H
#define ZL_OBJECTS_NAMES_H

/* Label on the workload (also accepted as an annotation on it or on its pod template): joins the pool. */
#define ZL_KEY_POOL "zen-lead/pool"
/* It is a label's value, and the names of Services begin with it. */
#define ZL_POOL_NAME_MAX 63
/* Annotation "false" on the workload or its pod template: opts out. */
#define ZL_KEY_JOIN "zen-lead/join"
/* Annotation on the pod: its identity with identityStrategy: custom. */
#define ZL_KEY_IDENTITY "zen-lead/identity"

/* Label on the pods of a pool with podRoleLabel: true, written by the controller. */
#define ZL_KEY_ROLE "zen-lead/role"
#define ZL_ROLE_NAME_LEADER "leader"
#define ZL_ROLE_NAME_FOLLOWER "follower"

/* Annotations on the Lease. The holder's pod and uid stand beside holderIdentity, which may be custom. */
#define ZL_KEY_HOLDER_POD "zen-lead.io/holder-pod"
#define ZL_KEY_HOLDER_UID "zen-lead.io/holder-uid"
#define ZL_KEY_FENCING_TOKEN "zen-lead.io/fencing-token"
/* "provisional" from the claim until the controller has seen the pod; absent afterwards. */
#define ZL_KEY_CLAIM "zen-lead.io/claim"
#define ZL_CLAIM_PROVISIONAL "provisional"
/* With it: uid of the pod's controller, which asked for the pod. */
#define ZL_KEY_CLAIM_OWNER "zen-lead.io/claim-owner"

/*
 * Also on the Lease. During a handover: "<pod>_<uid>" of the one pod that was admitted beside the leader.
 * It is a candidate, not a leader.
 */
#define ZL_KEY_SUCCESSOR "zen-lead.io/successor"
/* Uids of pods that lost the seat and may still live; they never regain it. Separated by commas. */
#define ZL_KEY_DEPOSED "zen-lead.io/deposed"
/* Uid of the last leader that was seen Ready, and of its ReplicaSet: the proven revision. */
#define ZL_KEY_READY_HOLDER "zen-lead.io/ready-holder"
#define ZL_KEY_READY_REVISION "zen-lead.io/ready-revision"
/* Uid of the ReplicaSet whose successor did not become Ready in time: it gets no other one. */
#define ZL_KEY_FAILED_REVISION "zen-lead.io/failed-revision"

/* Somebody asks for another leader (seat/request.h); cleared by the swap that answers it. */
#define ZL_KEY_REQUEST "zen-lead.io/handover-request"

/* The token at which we emptied the seat. Without it an empty holder is somebody's edit, and proves nothing. */
#define ZL_KEY_RELEASED "zen-lead.io/released-token"

/* On the Lease of a guarded pool, "<job>_<uid>": the Job whose turn it is. Only its pods may hold the Lease. */
#define ZL_KEY_TURN "zen-lead.io/turn"
/*
 * Annotation on a Job that waits for its turn: since when we know (RFC 3339). Written once, with spec.suspend where the
 * server has it, and taken away with that. A Job that is suspended without it was suspended by its user.
 */
#define ZL_KEY_QUEUED "zen-lead.io/queued"

/*
 * Annotation on a Job that waits: how often somebody else resumed it meanwhile. From ZL_RESUMPTIONS_MAX on it is left so, and its
 * pods are refused until its turn comes. Gone with ZL_KEY_QUEUED.
 */
#define ZL_KEY_RESUMPTIONS "zen-lead.io/resumed-by-others"
#define ZL_RESUMPTIONS_MAX 2
/* Kueue's, on a Job: when it is suspended and resumed, Kueue decides. */
#define ZL_KEY_KUEUE "kueue.x-k8s.io/queue-name"

/* Kubernetes' own, on a CronJob's Job: its scheduled time; and that somebody made it by hand. */
#define ZL_KEY_SCHEDULED "batch.kubernetes.io/cronjob-scheduled-timestamp"
#define ZL_KEY_INSTANTIATE "cronjob.kubernetes.io/instantiate"

/* Annotation whose change makes the owner's controller sync at once, past its back-off. */
#define ZL_KEY_WAKE "zen-lead.io/wake"

/* Label on a Job: it executes in a turn of this cluster in that fleet. */
#define ZL_KEY_FLEET "zen-lead/fleet"
/* Annotations on such a Job: since when it is held; the token of the turn that it executes in. */
#define ZL_KEY_FLEET_HELD "zen-lead.io/fleet-held"
#define ZL_KEY_FLEET_TURN "zen-lead.io/fleet-turn"
#define ZL_KEY_FLEET_OWN_DEADLINE "zen-lead.io/fleet-own-deadline"
/* On a fleet's LeaderPolicy: work that is no Job wants a turn, and says how it ended. */
#define ZL_KEY_FLEET_WANT "zen-lead.io/fleet-want"
#define ZL_KEY_FLEET_ACCEPT "zen-lead.io/fleet-accept"
#define ZL_KEY_FLEET_DECLINE "zen-lead.io/fleet-decline"
#define ZL_KEY_FLEET_EXTEND "zen-lead.io/fleet-extend"
#define ZL_KEY_FLEET_REPORT "zen-lead.io/fleet-report"

#define ZL_KEY_MANAGED_BY "app.kubernetes.io/managed-by"
#define ZL_MANAGED_BY "zen-lead"
/* Selects our Leases. */
#define ZL_LEASE_SELECTOR ZL_KEY_MANAGED_BY "=" ZL_MANAGED_BY
#define ZL_LEASE_PREFIX "zen-lead-"
/* The name of a pool whose Lease would be that one: no pool may have it. */
#define ZL_RESERVED_POOL "controller-leader-election"
/* By which the controller's replicas elect one. */
#define ZL_ELECTION_LEASE ZL_LEASE_PREFIX ZL_RESERVED_POOL

/* Annotations on a Service: opt in, and how. The second one on a workload as well. */
#define ZL_KEY_ENABLED "zen-lead.io/enabled"
#define ZL_KEY_LEADER_SERVICE "zen-lead.io/leader-service-name"
#define ZL_KEY_STICKY "zen-lead.io/sticky"
#define ZL_KEY_MIN_READY "zen-lead.io/min-ready-duration"
#define ZL_KEY_STRATEGY "zen-lead.io/strategy"
#define ZL_KEY_FAILOVER_DELAY "zen-lead.io/failover-min-delay"
#define ZL_KEY_LEADER_TYPE "zen-lead.io/leader-service-type"
/* Names of labels and annotations of it that its leader Service is to have (carried.h). */
#define ZL_KEY_COPY_LABELS "zen-lead.io/copy-labels"
#define ZL_KEY_COPY_ANNOTATIONS "zen-lead.io/copy-annotations"

/* Labels on the leader Service and its EndpointSlices; pools' objects carry ZL_KEY_POOL as well. */
#define ZL_KEY_SOURCE_SERVICE "zen-lead.io/source-service"
#define ZL_KEY_SLICE_MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define ZL_KEY_SLICE_SERVICE "kubernetes.io/service-name"
/* The same, as pages of other builds have it; Kubernetes reads the one above. */
#define ZL_KEY_SLICE_SERVICE_OTHER "discovery.k8s.io/service-name"
#define ZL_SLICE_SELECTOR ZL_KEY_SLICE_MANAGED_BY "=" ZL_MANAGED_BY
#define ZL_LEADER_SUFFIX "-leader"
#define ZL_DIRECTOR_SUFFIX "-director"

/* Annotations on the leader Service. */
#define ZL_KEY_LEADER_POD "zen-lead.io/leader-pod-name"
/* The same, as other builds have it besides. */
#define ZL_KEY_LEADER_POD_OTHER "zen-lead.io/current-leader"
#define ZL_KEY_LEADER_UID "zen-lead.io/leader-pod-uid"
#define ZL_KEY_LEADER_SWITCH "zen-lead.io/leader-last-switch-time"

/* The names of what it has of its source, so that what is not wanted any more can be taken away. */
#define ZL_KEY_COPIED_LABELS "zen-lead.io/copied-labels"
#define ZL_KEY_COPIED_ANNOTATIONS "zen-lead.io/copied-annotations"

/* Since when a leader Service must be rid of the EndpointSlices that a selector of it brought. */
#define ZL_KEY_HAD_SELECTOR "zen-lead.io/had-selector"

/* Kubernetes' own: the revision of a ReplicaSet among its Deployment's; that of a StatefulSet's pod. */
#define ZL_KEY_DEPLOYMENT_REVISION "deployment.kubernetes.io/revision"
#define ZL_KEY_CONTROLLER_REVISION "controller-revision-hash"

/*
 * Annotation on a LeaderPolicy that the controller creates as a dry run: its nonce comes back in the
 * webhook's refusal, which proves that the API server asks the webhook about that namespace.
 */
#define ZL_KEY_PROBE "zen-lead.io/gatekeeper-probe"

#define ZL_KEY_ZONE "topology.kubernetes.io/zone"
#define ZL_KEY_HOSTNAME "kubernetes.io/hostname"

#define ZL_POLICY_GROUP "coordination.kube-zen.io"
#define ZL_POLICY_API_VERSION "coordination.kube-zen.io/v1alpha1"
#define ZL_POLICY_KIND "LeaderPolicy"

#endif
