package sshforward

import "slices"

// State is where a lease is in its life:
//
//	requested -> pending -> opening -> open -> closing -> closed
//
// A lease that ever reached opening gets to closed only through closing.
type State string

const (
	Requested State = "requested" // waits for the requester's own confirmation
	Pending   State = "pending"   // waits for approval
	Opening   State = "opening"   // AWS resources are being made
	Open      State = "open"      // reachable
	Closing   State = "closing"   // AWS resources are being removed
	Closed    State = "closed"    // nothing is left
)

// States lists all states in the order of a life.
var States = []State{Requested, Pending, Opening, Open, Closing, Closed}

// Reason says why a lease ended. It is set when the end is decided, so a
// closing lease has one already.
type Reason string

const (
	Cancelled     Reason = "cancelled"       // by the requester, before it opened
	Denied        Reason = "denied"          // by an approver
	Lapsed        Reason = "lapsed"          // nobody confirmed or approved in time
	Failed        Reason = "failed"          // could not be opened
	Expired       Reason = "expired"         // the time was up
	ClosedByUser  Reason = "closed_by_user"  // by the requester
	ClosedByAdmin Reason = "closed_by_admin" // by an admin
	InstanceGone  Reason = "instance_gone"   // instance or load balancer went away
	NotAdmitted   Reason = "not_admitted"    // policy, judged anew, would not let it in any more
	Lost          Reason = "lost"            // rebuilt from tags with too little to go on, or given up
)

// Stage is one step of opening. What a stage does is written in provisioner.
type Stage string

const (
	StageCheck    Stage = "check"    // instance and policy looked at once more
	StageGroup    Stage = "group"    // the lease's security group exists
	StageBalancer Stage = "balancer" // its rules and the load balancer exist, and nobody is let in
	StageHealth   Stage = "health"   // health check and attributes are set
	StageRegister Stage = "register" // the instance is registered
	StageService  Stage = "service"  // the instance is in service
	StageName     Stage = "name"     // the DNS name resolves
	StageClock    Stage = "clock"    // the true end stands in the tags, and the sources are let in
)

// next is the stage that follows; empty after the last.
func (s Stage) next() Stage {
	if i := slices.Index(Stages, s); i >= 0 && i+1 < len(Stages) {
		return Stages[i+1]
	}
	return ""
}

// Stages lists the stages in the order of opening.
var Stages = []Stage{StageCheck, StageGroup, StageBalancer, StageHealth, StageRegister, StageService, StageName, StageClock}
