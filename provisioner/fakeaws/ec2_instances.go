package fakeaws

import "regexp"

// The states of an instance.
const (
	Pending      = "pending"
	Running      = "running"
	ShuttingDown = "shutting-down"
	Terminated   = "terminated"
	Stopping     = "stopping"
	Stopped      = "stopped"
)

var stateCodes = map[string]int{Pending: 0, Running: 16, ShuttingDown: 32, Terminated: 48, Stopping: 64, Stopped: 80}

type xmlReservation struct {
	ID        string        `xml:"reservationId"`
	Owner     string        `xml:"ownerId"`
	Instances []xmlInstance `xml:"instancesSet>item"`
}

type xmlState struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type xmlInstance struct {
	ID         string                 `xml:"instanceId"`
	Image      string                 `xml:"imageId"`
	Type       string                 `xml:"instanceType"`
	State      xmlState               `xml:"instanceState"`
	Launched   string                 `xml:"launchTime"`
	Zone       string                 `xml:"placement>availabilityZone"`
	VPC        string                 `xml:"vpcId,omitempty"`
	Subnet     string                 `xml:"subnetId,omitempty"`
	PrivateIP  string                 `xml:"privateIpAddress,omitempty"`
	PrivateDNS string                 `xml:"privateDnsName,omitempty"`
	Groups     []xmlGroupRef          `xml:"groupSet>item"`
	Interfaces []xmlInstanceInterface `xml:"networkInterfaceSet>item"`
	Tags       []xmlTag               `xml:"tagSet>item"`
}

type xmlInstanceInterface struct {
	ID         string        `xml:"networkInterfaceId"`
	Subnet     string        `xml:"subnetId"`
	VPC        string        `xml:"vpcId"`
	PrivateIP  string        `xml:"privateIpAddress,omitempty"`
	Owner      string        `xml:"ownerId"`
	Status     string        `xml:"status"`
	Groups     []xmlGroupRef `xml:"groupSet>item"`
	Attachment xmlAttachment `xml:"attachment"`
}

type xmlAttachment struct {
	ID          string `xml:"attachmentId"`
	Instance    string `xml:"instanceId,omitempty"`
	Owner       string `xml:"instanceOwnerId,omitempty"`
	DeviceIndex int    `xml:"deviceIndex"`
	Status      string `xml:"status"`
	Deletes     bool   `xml:"deleteOnTermination"`
}

var instanceIDRE = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

func (r *region) instance(id string) (*instance, *apiError) {
	if !instanceIDRE.MatchString(id) {
		return nil, errorf("InvalidInstanceID.Malformed", "Invalid id: %q", id)
	}
	i, ok := r.instances.get(id)
	if !ok {
		return nil, errorf("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}
	return i, nil
}

func describeInstances(rq *request) (any, *apiError) {
	if e := rq.disrupted(); e != nil {
		return nil, e
	}
	all := rq.r.instances.all()
	if ids := rq.p.list("InstanceId"); len(ids) > 0 {
		if rq.p.has("MaxResults") {
			return nil, errorf("InvalidParameterCombination",
				"The parameter instancesSet cannot be used with the parameter maxResults")
		}
		all = nil
		for _, id := range ids {
			i, e := rq.r.instance(id)
			if e != nil {
				return nil, e
			}
			all = append(all, i)
		}
	}
	all, e := selected(rq, all, func(i *instance) map[string]string { return i.Tags }, func(i *instance) attributes {
		return attributes{
			"instance-id": {i.ID}, "instance-state-name": {i.State}, "instance-state-code": itoas(stateCodes[i.State]),
			"private-ip-address": {i.PrivateIP}, "network-interface.addresses.private-ip-address": {i.PrivateIP},
			"vpc-id": {i.VPC}, "network-interface.vpc-id": {i.VPC},
			"subnet-id": {i.Subnet}, "network-interface.subnet-id": {i.Subnet},
			"availability-zone": {i.Zone}, "instance.group-id": i.Groups, "network-interface.group-id": i.Groups,
			"owner-id": {rq.r.account},
		}
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Reservations []xmlReservation `xml:"reservationSet>item"`
		Next         string           `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(i *instance) int { return i.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, i := range all {
		out.Reservations = append(out.Reservations, xmlReservation{
			ID: "r-" + i.ID[2:], Owner: rq.r.account, Instances: []xmlInstance{rq.r.xmlInstance(i)},
		})
	}
	return out, nil
}

func (r *region) xmlInstance(i *instance) xmlInstance {
	x := xmlInstance{
		ID: i.ID, Image: "ami-0fedcba9876543210", Type: "t3.micro",
		State:    xmlState{Code: stateCodes[i.State], Name: i.State},
		Launched: stamp(i.Launched), Zone: i.Zone, Tags: xmlTags(i.Tags),
	}
	// A terminated instance has lost its interface, and with it its network.
	if ni, ok := r.ifaces.get(i.Interface); ok {
		x.VPC, x.Subnet, x.PrivateIP = i.VPC, i.Subnet, i.PrivateIP
		x.Groups = r.groupRefs(i.Groups)
		x.Interfaces = []xmlInstanceInterface{{
			ID: ni.ID, Subnet: ni.Subnet, VPC: ni.VPC, PrivateIP: ni.PrivateIP, Owner: r.account, Status: "in-use",
			Groups: x.Groups,
			Attachment: xmlAttachment{
				ID: attachmentID(ni), DeviceIndex: 0, Status: "attached", Deletes: true,
			},
		}}
	}
	return x
}
